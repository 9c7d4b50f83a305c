/** The conversations of those users: chatkeep's tables, attached to our `user`. */
import { chatModels } from "chatkeep/drizzle";
import { user } from "./user.ts";

export const models = chatModels(user.id);
export const { conversation, message, run, runChunk, searchBlock, searchWords, searchPending, usage } = models;
export const { file, fileContent, filePiece, fileUse, fileObject } = models;
