/** Relations of the four tables for Drizzle 1.0, whose `defineRelations` the host calls itself. */

// biome-ignore lint/suspicious/noExplicitAny: what it takes depends on the host's schema, and gives what Drizzle makes of it
type Relate = (...config: any[]) => unknown;

/** What `defineRelations` of Drizzle 1.0 calls back with, where its schema has the tables of `chatModels` under their own names. */
export interface RelationHelpers {
  one: Record<"conversation" | "message" | "run", Relate>;
  many: Record<"message" | "run" | "runChunk", Relate>;
  conversation: { id: unknown };
  message: { id: unknown; conversationId: unknown };
  run: { id: unknown; conversationId: unknown; messageId: unknown };
  runChunk: { runId: unknown };
}

type One<R extends RelationHelpers, Name extends keyof R["one"]> = R["one"][Name] extends Relate
  ? ReturnType<R["one"][Name]>
  : never;
type Many<R extends RelationHelpers, Name extends keyof R["many"]> = R["many"][Name] extends Relate
  ? ReturnType<R["many"][Name]>
  : never;

/**
 * What `db.query.conversation.findMany({ with: { messages: true } })` needs on Drizzle 1.0, to spread into what `defineRelations`
 * gets: `messages` and `runs` of a conversation, `conversation` of a message, `conversation`, `message` and `chunks` of a run, `run`
 * of a chunk. Those from and to users are the host's to say.
 */
export function chatRelationsPart<R extends RelationHelpers>(r: R) {
  const conversationOf = (from: unknown) =>
    r.one.conversation({ from, to: r.conversation.id }) as One<R, "conversation">;
  const inConversation = { from: r.conversation.id };
  return {
    conversation: {
      messages: r.many.message({ ...inConversation, to: r.message.conversationId }) as Many<R, "message">,
      runs: r.many.run({ ...inConversation, to: r.run.conversationId }) as Many<R, "run">,
    },
    message: { conversation: conversationOf(r.message.conversationId) },
    run: {
      conversation: conversationOf(r.run.conversationId),
      message: r.one.message({ from: r.run.messageId, to: r.message.id }) as One<R, "message">,
      chunks: r.many.runChunk({ from: r.run.id, to: r.runChunk.runId }) as Many<R, "runChunk">,
    },
    runChunk: { run: r.one.run({ from: r.runChunk.runId, to: r.run.id }) as One<R, "run"> },
  };
}
