/** Projects and their chats. Both are there or neither: they are written in one transaction, which is the application's. */
import { ConflictError, createStore } from "chatkeep";
import { fromKysely } from "chatkeep/kysely";
import { db, tables } from "./database.ts";

export async function createProject(owner: string, name: string) {
  return await db.transaction().execute(async (trx) => {
    // A store on the transaction: it makes savepoints in it, and never a commit.
    const chats = createStore(fromKysely(trx), tables).forUser(owner);
    const conversation = await chats.conversations.create({
      title: name,
      messages: [{ role: "assistant", content: `What shall we do about ${name}?` }],
    });
    const project = await trx
      .insertInto("project")
      .values({ owner, name, conversation_id: conversation.id })
      .onConflict((conflict) => conflict.columns(["owner", "name"]).doNothing())
      .returning(["id", "name", "conversation_id"])
      .executeTakeFirst();
    // What is thrown here takes the conversation with it.
    if (!project) throw new ConflictError(`You have a project ${name} already.`);
    return project;
  });
}

/** A query of one's own may join with chatkeep's tables. It must say itself whose rows they are. */
export async function listProjects(owner: string) {
  return await db
    .selectFrom("project")
    .innerJoin("conversation", "conversation.id", "project.conversation_id")
    .where("project.owner", "=", owner)
    .orderBy("conversation.updated_at", "desc")
    .orderBy("project.id")
    .select(["project.id", "project.name", "project.conversation_id", "conversation.message_count"])
    .execute();
}
