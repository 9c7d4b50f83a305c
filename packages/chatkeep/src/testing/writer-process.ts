/** A process that appends pairs to one conversation, and says after each which ids were acknowledged. */
import { createInterface } from "node:readline";
import type { ConformanceStore } from "./subject.ts";

interface Worker {
  openStore(argument: string): Promise<ConformanceStore>;
}

const [module = "", argument = "", userId = "", conversationId = ""] = process.argv.slice(2);
const { openStore } = (await import(module)) as Worker;
const store = await openStore(argument);
await store.page(userId, conversationId, { limit: 1 });
process.stdout.write("ready\n");

for await (const line of createInterface({ input: process.stdin })) {
  for (let turn = 0; turn < Number(line); turn += 1) {
    const name = `${process.pid}.${turn}`;
    const ids = [crypto.randomUUID(), crypto.randomUUID()] as const;
    await store.append(userId, conversationId, [
      { id: ids[0], role: "user", content: `question ${name}` },
      { id: ids[1], role: "assistant", content: `answer ${name}` },
    ]);
    process.stdout.write(`${ids[0]}\n${ids[1]}\n`);
  }
}
await store.close();
