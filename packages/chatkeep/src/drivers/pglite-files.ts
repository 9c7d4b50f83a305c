/** The files of PGlite, for the user of this process alone: PostgreSQL asks for that, and PGlite's own way loses it. */
import { NodeFS } from "@electric-sql/pglite/nodefs";

const ownerOnly = 0o700;

interface Attributes {
  mode?: number | null;
}

/** What PGlite's file system does to a file; each time it makes one, or sets its mode, the mode comes through here. */
interface FileOperations {
  node_ops: {
    mknod(parent: unknown, name: string, mode: number, device: number): unknown;
    setattr(node: unknown, attributes: Attributes): void;
  };
  stream_ops: { setattr(stream: unknown, attributes: Attributes): void };
}

const typeBits = ~0o777;
const masked = (mode: number) => mode & (typeBits | ownerOnly);

export class PrivateFiles extends NodeFS {
  override async init(...given: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(...given);
    const mask = (module: { NODEFS?: unknown }) => maskModes(module.NODEFS as FileOperations);
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [mask, ...(emscriptenOpts.preRun ?? [])] } };
  }
}

function maskModes({ node_ops: nodes, stream_ops: streams }: FileOperations): void {
  const { mknod, setattr } = nodes;
  const { setattr: setStream } = streams;
  const maskedIn = (attributes: Attributes) =>
    attributes.mode == null ? attributes : { ...attributes, mode: masked(attributes.mode) };
  nodes.mknod = (parent, name, mode, device) => mknod(parent, name, masked(mode), device);
  nodes.setattr = (node, attributes) => setattr(node, maskedIn(attributes));
  streams.setattr = (stream, attributes) => setStream(stream, maskedIn(attributes));
}
