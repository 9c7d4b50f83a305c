/** chatkeep/s3: the bytes of files in a bucket of S3, or of whatever speaks as it does, such as R2, MinIO, Ceph and Garage. */
import { AwsClient } from "aws4fetch";
import type { FileStorage } from "../store/files/storage.ts";

export type { FileStorage } from "../store/files/storage.ts";

/** Which bucket, and who may use it. */
export interface S3StorageOptions {
  bucket: string;
  /** Before each key, without a slash at its end, so that others can use the bucket too. */
  prefix?: string | undefined;
  /** `us-east-1` when left out, which most that are not AWS take. */
  region?: string | undefined;
  /** Where it is if not at AWS, such as `https://minio.example.com`. The bucket is then the first part of the path. */
  endpoint?: string | undefined;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

const timeoutMs = 30_000;
const retries = 3;
const removedAtOnce = 8;

/**
 * For `fileStorage` of `createStore`: keeps the bytes of files in a bucket. Needs `aws4fetch`, and of the bucket `s3:GetObject`,
 * `s3:PutObject` and `s3:DeleteObject`; with `s3:ListBucket` a file that is lost is told from a bucket that is closed.
 */
export function s3Storage(options: S3StorageOptions): FileStorage {
  const { accessKeyId, secretAccessKey, sessionToken, region = "us-east-1" } = options;
  if (!options.bucket || !accessKeyId || !secretAccessKey)
    throw new TypeError("s3Storage needs bucket, accessKeyId and secretAccessKey.");
  const aws = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    region,
    service: "s3",
    retries,
  });
  const base = baseOf({ ...options, region });
  const ask = (method: string, key: string, body?: Uint8Array) =>
    aws.fetch(`${base}${key}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body && { body: body as Uint8Array<ArrayBuffer>, headers: { "content-type": "application/octet-stream" } }),
    });
  return {
    put: async (key, bytes) => {
      const answer = await ask("PUT", key, bytes);
      if (!answer.ok) throw await refusal(answer);
      await answer.body?.cancel();
    },
    get: async (key) => {
      const answer = await ask("GET", key);
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
      const error = await refusal(answer);
      if (error.code === "NoSuchKey") return undefined;
      throw error;
    },
    remove: async (keys) => {
      for (let from = 0; from < keys.length; from += removedAtOnce) {
        await Promise.all(
          keys.slice(from, from + removedAtOnce).map(async (key) => {
            const answer = await ask("DELETE", key);
            const error = answer.ok ? undefined : await refusal(answer);
            if (error && error.code !== "NoSuchKey") throw error;
          }),
        );
      }
    },
  };
}

function baseOf({ bucket, prefix = "", region, endpoint }: S3StorageOptions): string {
  const path = prefix.split("/").filter(Boolean).map(encodeURIComponent).join("/");
  const folder = path === "" ? "" : `${path}/`;
  if (!endpoint) return `https://${bucket}.s3.${region}.amazonaws.com/${folder}`;
  return `${endpoint.replace(/\/$/, "")}/${encodeURIComponent(bucket)}/${folder}`;
}

/** What S3 says in XML; its message may name keys, which are nobody's secret, and no credentials. */
async function refusal(answer: Response): Promise<Error & { code: string }> {
  const text = await answer.text().catch(() => "");
  const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? "";
  const code = part("Code");
  const error = new Error(`The bucket answered ${answer.status} ${code}: ${part("Message") || answer.statusText}`);
  return Object.assign(error, { code });
}
