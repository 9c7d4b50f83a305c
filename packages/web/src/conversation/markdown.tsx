/** Markdown as it comes. In a file of its own, because it is the largest part of the app and not needed before the first reply. */
import { Streamdown } from "streamdown";

export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }) {
  return <Streamdown mode={isStreaming ? "streaming" : "static"}>{text}</Streamdown>;
}
