/** Where the bytes of files are kept, if not in the database: read from the environment's settings. */
import { resolve } from "node:path";
import { InvalidInputError } from "chatkeep";
import type { S3StorageOptions } from "chatkeep/s3";
import { z } from "zod";
import { filled, httpUrl } from "./config-lists.ts";

export type FilesConfig = { folder: string } | { s3: S3StorageOptions };

const placeRule = "must be the path of a folder, or s3://bucket/prefix";

/** The names of AWS' own programs, which are asked for where the files are in a bucket. */
export const fileSettings = {
  CHATKEEP_FILES: filled(z.string().refine((text) => placeIn(text) !== undefined, placeRule)),
  AWS_ACCESS_KEY_ID: filled(z.string()),
  AWS_SECRET_ACCESS_KEY: filled(z.string()),
  AWS_SESSION_TOKEN: filled(z.string()),
  AWS_REGION: filled(z.string()),
  AWS_ENDPOINT_URL_S3: z.string().optional(),
};

type Settings = { [Name in keyof typeof fileSettings]?: string | undefined };

/** @throws invalid_input for a bucket that nobody may use */
export function filesOf(set: Settings): FilesConfig | undefined {
  const place = set.CHATKEEP_FILES === undefined ? undefined : placeIn(set.CHATKEEP_FILES);
  if (!place) return undefined;
  if ("folder" in place) return place;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = set;
  if (!accessKeyId || !secretAccessKey) {
    throw new InvalidInputError(
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set when CHATKEEP_FILES names a bucket.",
    );
  }
  const { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: region, AWS_SESSION_TOKEN: sessionToken } = set;
  if (endpoint && !httpUrl.safeParse(endpoint).success)
    throw new InvalidInputError("AWS_ENDPOINT_URL_S3 must be an address, such as https://minio.example.com.");
  return { s3: { ...place, accessKeyId, secretAccessKey, sessionToken, region, endpoint: endpoint || undefined } };
}

function placeIn(text: string): { folder: string } | { bucket: string; prefix: string } | undefined {
  if (!/^\w[\w+.-]*:\/\//.test(text)) return { folder: resolve(text) };
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? [];
  return bucket ? { bucket, prefix } : undefined;
}
