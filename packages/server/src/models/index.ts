/** All tables, and how they belong together. */
import { relations } from "drizzle-orm";
import { conversation, message, run } from "./chat.ts";
import { task } from "./task.ts";
import { account, session, user } from "./user.ts";

export {
  conversation,
  file,
  fileContent,
  fileObject,
  filePiece,
  fileUse,
  message,
  models,
  run,
  runChunk,
  searchBlock,
  searchPending,
  searchWords,
  usage,
} from "./chat.ts";
export { feedback, ratings } from "./feedback.ts";
export { passkey } from "./passkey.ts";
export { preference } from "./preference.ts";
export { type Project, project } from "./project.ts";
export { setting } from "./setting.ts";
export { share } from "./share.ts";
export { type Task, task } from "./task.ts";
export {
  account,
  apiKey,
  claim,
  jwks,
  rateLimit,
  refreshToken,
  session,
  type User,
  user,
  verification,
} from "./user.ts";

export const userRelations = relations(user, ({ many }) => ({
  conversations: many(conversation),
  tasks: many(task),
  sessions: many(session),
  accounts: many(account),
}));

export const taskRelations = relations(task, ({ one }) => ({
  user: one(user, { fields: [task.userId], references: [user.id] }),
}));

export const conversationRelations = relations(conversation, ({ one, many }) => ({
  user: one(user, { fields: [conversation.userId], references: [user.id] }),
  messages: many(message),
  runs: many(run),
}));

export const messageRelations = relations(message, ({ one }) => ({
  conversation: one(conversation, {
    fields: [message.conversationId, message.userId],
    references: [conversation.id, conversation.userId],
  }),
  user: one(user, { fields: [message.userId], references: [user.id] }),
}));

export const runRelations = relations(run, ({ one }) => ({
  conversation: one(conversation, {
    fields: [run.conversationId, run.userId],
    references: [conversation.id, conversation.userId],
  }),
}));

export const sessionRelations = relations(session, ({ one }) => ({
  user: one(user, { fields: [session.userId], references: [user.id] }),
}));

export const accountRelations = relations(account, ({ one }) => ({
  user: one(user, { fields: [account.userId], references: [user.id] }),
}));
