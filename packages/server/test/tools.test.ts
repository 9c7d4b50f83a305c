import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { openTestApp, type Person } from "./helpers/app.ts";
import { textIn } from "./helpers/models.ts";

async function say(person: Person, id: string, text: string): Promise<string> {
  const message = { id: randomUUID(), role: "user", parts: [{ type: "text", text }] };
  return textIn(await (await person.request("POST", "/api/chat", { id, message })).text());
}

it("the assistant works on the tasks of the user who asks, and of nobody else", async () => {
  const app = await openTestApp();
  try {
    const [ann, bob] = [await app.signUp("ann"), await app.signUp("bob")];
    await bob.call("POST", "/api/tasks", { title: "buy milk for Bob" });
    const id = randomUUID();
    expect(await say(ann, id, "add buy milk")).toBe("Added **buy milk** to your list.");
    expect(await say(ann, id, "add buy bread")).toBe("Added **buy bread** to your list.");
    expect(await say(ann, id, "what is on my list")).toBe("You have 2 tasks:\n\n- buy milk\n- buy bread");
    expect(await say(ann, id, "done with buy")).toMatch(/^Several tasks are like “buy”: “buy milk”, “buy bread”/);
    expect(await say(ann, id, "done with the milk")).toBe("Done: **buy milk**.");
    expect(await say(ann, id, "rename bread to Buy rye bread")).toBe("**buy bread** is now **Buy rye bread**.");
    expect(await say(ann, id, "done with the tax return")).toBe("There is no task like “the tax return” on the list.");
    expect(await say(ann, id, "delete the milk")).toBe("Deleted **buy milk** from your list.");
    expect(await say(ann, id, "what is on my list")).toBe("You have one task:\n\n- Buy rye bread");
    expect(await say(ann, id, "what did I ask first?")).toBe("You began with: “add buy milk”");
    expect(await say(ann, id, `add ${"x".repeat(300)}`)).toMatch(/at most 200 characters/);
    expect((await bob.call<{ items: object[] }>("GET", "/api/tasks")).items).toMatchObject([
      { title: "buy milk for Bob" },
    ]);
  } finally {
    await app.close();
  }
});
