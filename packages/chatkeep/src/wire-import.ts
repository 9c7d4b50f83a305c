/** The shapes of what became of an import, as `wire.ts` has the others. */
import * as z from "zod";

/** What an import is answered with. */
export const importReport = z
  .object({
    imported: z.int(),
    alreadyThere: z.int(),
    failed: z.int(),
    messages: z.int(),
    omitted: z.int().optional().meta({ description: "Lines that are counted, and not listed." }),
    stopped: z.string().optional().meta({ description: "Why the lines that follow were not looked at." }),
    conversations: z.array(
      z.object({
        line: z.int(),
        source: z.string().optional(),
        conversationId: z.string().optional(),
        messages: z.int(),
        outcome: z.enum(["imported", "already there", "failed"]),
        error: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "ImportReport" });

/** What became of each line of a file. */
export interface ImportReport extends z.infer<typeof importReport> {}

/** What an import of a whole file is answered with, at its end. */
export const fileImportReport = z
  .object({
    imported: z.int().meta({ description: "Conversations of which something was not there." }),
    alreadyThere: z.int(),
    failed: z.int(),
    messages: z.int(),
    conversations: z
      .array(
        z.object({
          file: z.string(),
          number: z.int().meta({ description: "Of the conversations of that file, from 1." }),
          format: z.string().optional(),
          conversationId: z.string().optional(),
          messages: z.int(),
          alreadyThere: z.int(),
          outcome: z.enum(["imported", "already there", "failed"]),
          leftOut: z.array(z.object({ messageId: z.string().optional(), reason: z.string() })),
          moreLeftOut: z.int().optional(),
          error: z.string().optional(),
        }),
      )
      .meta({ description: "Those that failed, or of which something is left out, at most 200." }),
    omitted: z.int().optional().meta({ description: "Such conversations that are not listed." }),
    faults: z
      .array(z.object({ file: z.string(), fault: z.string() }))
      .meta({ description: "Files not read to their end." }),
    skipped: z
      .array(z.object({ file: z.string(), reason: z.string() }))
      .meta({ description: "Files without conversations." }),
  })
  .meta({ id: "FileImportReport" });

/** What became of a file: of each conversation of which there is something to say. */
export interface FileImportReport extends z.infer<typeof fileImportReport> {}
