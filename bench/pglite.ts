/** chatkeep on PGlite, which is in this process, beside the hand-written statements on it. */
import { createStore } from "chatkeep";
import { openPglite } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { floorOn } from "./floor.ts";
import { compare, median, type Scale } from "./measure.ts";
import { header, rowOf, type Section } from "./report.ts";
import { addChats, addUsers, models, prepareTables, sample } from "./sample.ts";

const conversations = 1_000;

export async function measurePglite({ scale, show }: { scale: Scale; show(section: Section): void }): Promise<void> {
  await using database = await openPglite();
  const { db, client } = database;
  await prepareTables(database);
  const [ann] = (await addUsers(db, 1)) as [string];
  const chats = await addChats(db, ann, conversations, 2);
  const [long] = await addChats(db, ann, 1, 10_000);
  const store = createStore(database, models);
  const floor = floorOn((_name, text, values) => client.query(text, values), sample);
  const turn = [
    { role: "user" as const, content: sample.question },
    { role: "assistant" as const, content: sample.answer },
  ];
  let next = 0;
  const any = () => {
    next = (next + 7) % chats.length;
    return chats[next] ?? { userId: ann, id: "", lastId: null };
  };
  const table: string[][] = [header];
  const measure = async (
    what: string,
    callers: number,
    byHand: () => Promise<unknown>,
    ours: () => Promise<unknown>,
  ) => {
    const contenders = [
      { name: "by hand", run: byHand },
      { name: "**chatkeep**", run: ours },
    ];
    const figures = await compare(contenders, { callers, rounds: scale.rounds, roundMs: scale.roundMs });
    table.push(...figures.map((each) => rowOf(what, each)));
  };
  const save = () => store.forUser(ann).messages.append(any().id, turn);
  await measure("save a turn, 1 caller", 1, () => floor.saveTurn(any()), save);
  await measure("save a turn, 16 callers", 16, () => floor.saveTurn(any()), save);
  // As the server does every ten minutes: PGlite has no autovacuum.
  await client.exec("vacuum analyze");
  if (long) {
    const read = () => store.forUser(ann).messages.list(long.id);
    await measure("last 50 of 10,000", 1, () => floor.readLast(long, 50), read);
  }
  const times: [byHand: number[], ours: number[]] = [[], []];
  for (let round = 0; round < scale.rounds; round += 1) {
    for (const which of round % 2 ? ([1, 0] as const) : ([0, 1] as const)) {
      const [owner] = (await addUsers(db, 1)) as [string];
      const mine = store.forUser(owner);
      const start = performance.now();
      for (let count = 0; count < conversations; count += 1) {
        await (which === 0 ? floor.create(owner) : mine.conversations.create({ messages: turn.slice(0, 1) }));
      }
      await (which === 0 ? floor.list(owner, 100) : mine.conversations.list({ limit: 100 }));
      times[which].push(performance.now() - start);
    }
  }
  const ratios = times[0].map((byHand, round) => byHand / (times[1][round] ?? Number.NaN));
  for (const [name, values, ratio] of [
    ["by hand", times[0], 1],
    ["**chatkeep**", times[1], median(ratios)],
  ] as const) {
    const ms = median(values);
    table.push([
      `1,000 created and listed, ${name}`,
      ((conversations / ms) * 1_000).toFixed(0),
      ratio.toFixed(2),
      `${ms.toFixed(0)} ms in all`,
      ...Array<string>(header.length - 4).fill(""),
    ]);
  }
  show({ title: "PGlite", text: "In memory, in this process; the CPU is that of both.", table });
}
