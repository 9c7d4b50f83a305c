/** A program that has just been started, and reads: then it prints the megabytes that it has. */
import { randomUUID } from "node:crypto";
import { createStore } from "chatkeep";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { models } from "./sample.ts";

await using database = openPg({ url: process.argv[2] ?? "" });
await createStore(database, models).forUser(randomUUID()).conversations.list();
process.stdout.write(String(process.memoryUsage().rss / 1024 / 1024));
