/** Trees of Open Assistant, whose lines are read alone too. */
import { readOasstValue, TreeError } from "../oasst.ts";
import { type ConversationFormat, FormatError, type ImportedMessage, isFields } from "./format.ts";

export const oasst: ConversationFormat = {
  name: "oasst",
  detect: (value) => isFields(value) && typeof value["message_tree_id"] === "string" && "prompt" in value,
  read(value, userId) {
    try {
      const { id, messages } = readOasstValue(value, userId);
      return { conversation: { id, messages: messages as ImportedMessage[] }, leftOut: [] };
    } catch (error) {
      throw error instanceof TreeError ? new FormatError(error.message) : error;
    }
  },
};
