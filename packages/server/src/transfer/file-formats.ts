/** What conversations are written as. */

/** The formats of a conversation's file. */
export const fileFormats = ["markdown", "json", "ai-sdk", "openai"] as const;
export type FileFormat = (typeof fileFormats)[number];

/** Of each format, how its files are called and what they are. */
export const fileKinds: Record<FileFormat, { ending: string; mediaType: string }> = {
  markdown: { ending: "md", mediaType: "text/markdown; charset=utf-8" },
  json: { ending: "json", mediaType: "application/json" },
  "ai-sdk": { ending: "json", mediaType: "application/json" },
  openai: { ending: "json", mediaType: "application/json" },
};

/** The formats that can have many conversations in one file, each on a line. */
export const lineFormats = ["ai-sdk", "openai"] as const;

export type LineFormat = (typeof lineFormats)[number];
