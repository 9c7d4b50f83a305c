/** What is known of a file by its part of a message. */
import type { FileUIPart } from "ai";

/** What browsers draw: of other pictures there is only the name. */
export const isPicture = (mediaType: string) => /^image\/(png|jpeg|gif|webp|avif|svg\+xml)$/.test(mediaType);

/** In bytes, where the part says it. */
export function sizeOf({ providerMetadata }: FileUIPart): number | undefined {
  const size = providerMetadata?.["chatkeep"]?.["size"];
  return typeof size === "number" ? size : undefined;
}
