/** Values as LangGraph's serializer gives them: bytes and the name of what they are. They travel as base64, and are stored as bytes. */
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { InvalidInputError, TooLargeError } from "../../errors.ts";
import { checkpointLimits } from "./limits.ts";

export interface Serialized {
  type: string;
  /** As base64. */
  value: string;
}

/** Counts what one call serializes. */
export interface Serializer {
  /** @throws too_large; invalid_input for what has no form */
  dump(value: unknown): Promise<Serialized>;
}

export function createSerializer(serde: SerializerProtocol): Serializer {
  let bytes = 0;
  return {
    dump: async (value) => {
      const [type, dumped] = await serde.dumpsTyped(value);
      if (!(dumped instanceof Uint8Array)) {
        throw new InvalidInputError("A value of the graph's state cannot be serialized: use values that JSON has.");
      }
      bytes += dumped.byteLength;
      if (bytes > checkpointLimits.valueBytes) {
        throw new TooLargeError(
          `The state that one step saves has more than ${checkpointLimits.valueBytes} bytes: keep large things elsewhere, and their names in the state.`,
        );
      }
      return { type, value: Buffer.from(dumped.buffer, dumped.byteOffset, dumped.byteLength).toString("base64") };
    },
  };
}

export function load(serde: SerializerProtocol, type: string, base64: string): Promise<unknown> {
  return serde.loadsTyped(type, new Uint8Array(Buffer.from(base64, "base64")));
}
