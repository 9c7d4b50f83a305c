/** A bucket on this machine, behind a server that speaks as S3 does and checks signatures. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";

export interface S3Server {
  url: string;
  bucket: string;
  /** Of what it has; the server keeps some files beside each. */
  countObjects(): number;
  stop(): Promise<void>;
}

/** For `accessKeyId` and `secretAccessKey` both `S3RVER`. */
export async function startS3Server(): Promise<S3Server> {
  const [bucket, directory] = ["files", mkdtempSync(join(tmpdir(), "chatkeep-s3-"))];
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const { port } = await server.run();
  let isStopped = false;
  return {
    url: `http://127.0.0.1:${port}`,
    bucket,
    countObjects: () =>
      readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith("._S3rver_object")).length,
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
