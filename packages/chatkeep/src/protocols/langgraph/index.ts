/** chatkeep/langgraph: a LangGraph checkpointer in the database of the chats, whose rows are a user's and go with the user. */

export { langgraphMigrations } from "./migrations.ts";
export { ChatkeepSaver, type CheckpointSaverOptions, createCheckpointSaver } from "./saver.ts";
