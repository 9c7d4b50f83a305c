import { randomUUID } from "node:crypto";
import type { SearchOptions, UserStore } from "chatkeep";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { engine, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";
import { ids, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  people = await resetPeople(database);
});
afterAll(() => database.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });

type Words = string | { id?: string; content?: string; parts?: { type: string }[]; role?: "user" | "assistant" };

async function chatOf(who: UserStore, said: readonly Words[], title?: string): Promise<string> {
  const { id } = await who.conversations.create(title === undefined ? {} : { title });
  for (let from = 0; from < said.length; from += 100) {
    const messages = said.slice(from, from + 100).map((each) => ({
      role: "user" as const,
      ...(typeof each === "string" ? { content: each } : each),
    }));
    await who.messages.append(id, messages);
  }
  return id;
}

async function found(who: UserStore, text: string, options: Omit<SearchOptions, "text"> = {}): Promise<string[]> {
  const { items } = await who.search({ text, limit: 100, ...options });
  return items.map(({ snippet }) => snippet.text);
}

/** What one search finds on all its pages, as ids. */
async function everything(who: UserStore, options: SearchOptions): Promise<string[]> {
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await who.search({ ...options, cursor });
    all.push(...page.items.map(({ messageId }) => messageId));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return all;
}

const filler = (count: number) => Array.from({ length: count }, (_, index) => `nothing of note ${index}`);
/** Indexed, and not. */
const bothWays = async (look: () => Promise<void>) => {
  await look();
  await people.store.system.indexMessages();
  await look();
};

const sentences: [language: string, text: string, asked: string[], not: string[]][] = [
  [
    "English",
    "Don't lose the Quarterly Report",
    ["quarter", "REPORT lose", '"the quarterly"', "don't"],
    ["uarterly", '"the report"'],
  ],
  ["German", "Die Größe der Straße überrascht", ["große", "strasse", "Überrasch", "STRASSE"], ["gross-e"]],
  ["French", "L'été à la crèche", ["ete", "crèche", "CRECHE", "l'été"], ["etes"]],
  ["Turkish", "İstanbul ılık", ["istanbul", "ilik", "ISTANBUL"], ["stanbul"]],
  ["Polish", "Zażółć gęślą jaźń w Łodzi", ["zazolc", "łodzi", "LODZ"], ["odzi"]],
  ["Vietnamese", "Tiếng Việt rất đẹp", ["tieng viet", "đẹp", "dep"], ["iet"]],
  ["Russian", "Всё хорошо в Москве", ["все", "МОСКВ", "хорошо"], ["осква"]],
  ["Greek", "Ο δρόμος της Αθήνας", ["δρομος", "ΔΡΟΜΟΣ", "αθηνα"], ["ρομος"]],
  ["Arabic", "كِتَابٌ جديد", ["كتاب", "جديد"], ["تاب"]],
  ["Hebrew", "שָׁלוֹם עולם", ["שלום", "עולם"], ["לום"]],
  ["Hindi", "नमस्ते दुनिया", ["नमस्ते", "दुनिया"], ["मस्ते"]],
  ["Chinese", "我昨天在北京吃了烤鸭", ["北京", "烤鸭", "天在北", "京"], ["京北", "上海"]],
  ["Japanese", "東京タワーへﾊﾞｽで行きました", ["東京", "タワー", "バス", "行き"], ["京東", "ハス"]],
  ["Korean", "한국어를 공부합니다", ["한국어", "국어", "공부"], ["어국"]],
  ["Thai", "สวัสดีครับกรุงเทพ", ["สวัสดี", "กรุงเทพ", "ครับ"], ["เทพกรุง"]],
  [
    "code",
    "call foo_bar() of user.name, see #42 and C++ in /etc/hosts",
    ["foo_bar", "user.name", "#42", "c++", "/etc/hosts", "bar"],
    ["foo.bar", "user_name", "#43"],
  ],
  ["wide and small", "ＦＵＬＬ ｗｉｄｔｈ ① 🎉 done", ["full width", "🎉", "1"], ["🎂"]],
];

it("finds words of many languages, in the index and before", async () => {
  const { ann } = people;
  await chatOf(ann, [...sentences.map(([, text]) => text), ...filler(64)]);
  await bothWays(async () => {
    for (const [language, text, asked, not] of sentences) {
      for (const words of asked) {
        const { items } = await ann.search({ text: words, limit: 100 });
        expect(
          items.map(({ snippet }) => snippet.text),
          `${language}: ${words}`,
        ).toContain(text.normalize("NFC"));
        for (const { snippet } of items) expect(snippet.marks.length, `${language}: ${words}`).toBeGreaterThan(0);
      }
      for (const words of not) expect(await found(ann, words), `${language}: not ${words}`).not.toContain(text);
    }
  });
  expect((await database.query("select count(*)::int from search_block", []))[0]?.map(Number)).toEqual([1]);
});

it("marks the words in a piece of a long message", async () => {
  const { ann } = people;
  const long = `${"Lorem ipsum dolor sit amet. ".repeat(500)}Then the Straße\n  of Zürich 𝔘𝔫𝔦 came. ${"And so on. ".repeat(500)}`;
  await chatOf(ann, [long]);
  const { items } = await ann.search({ text: "strasse zurich uni" });
  const { text, marks } = items[0]?.snippet ?? { text: "", marks: [] };
  expect(marks.map(({ start, end }) => text.slice(start, end))).toEqual(["Straße", "Zürich", "𝔘𝔫𝔦"]);
  expect([text.startsWith("…"), text.endsWith("…"), text.length < 210]).toEqual([true, true, true]);
  expect(items[0]).toMatchObject({ seq: 1, role: "user", field: "text", archived: false });
});

it("takes words together, phrases as they are, and leaves out what is not wanted", async () => {
  const { ann } = people;
  await chatOf(ann, ["red apples, green pears", "red pears", "green apples are red", "pear tree", ...filler(64)]);
  await bothWays(async () => {
    expect(await found(ann, "red apple")).toEqual(["green apples are red", "red apples, green pears"]);
    expect(await found(ann, '"red apples"')).toEqual(["red apples, green pears"]);
    expect(await found(ann, '"apples green"')).toEqual(["red apples, green pears"]);
    expect(await found(ann, "red -green")).toEqual(["red pears"]);
    expect(await found(ann, 'pear -"pear tree" -apples')).toEqual(["red pears"]);
    expect(await found(ann, '"pear"')).toEqual(["pear tree"]);
    expect(await found(ann, "„red pears“")).toEqual(["red pears"]);
    expect(await found(ann, "red, (pears)")).toHaveLength(2);
  });
});

it("looks into tools, thoughts and names of files when asked", async () => {
  const { ann } = people;
  const parts = [
    { type: "reasoning", text: "pondering" },
    { type: "text", text: "spoken" },
    {
      type: "tool-weather",
      toolCallId: "1",
      state: "output-available",
      input: { city: "Oslo" },
      output: [{ sky: "drizzle", deep: { er: 4711 } }],
    },
    {
      type: "file",
      mediaType: "application/pdf",
      url: "data:application/pdf;base64,secretbytes",
      filename: "Invoice_2026.pdf",
    },
  ];
  await chatOf(ann, [{ role: "assistant", parts }, ...filler(64)]);
  await bothWays(async () => {
    for (const [word, field] of [
      ["spoken", "text"],
      ["ponder", "reasoning"],
      ["drizzle", "tools"],
      ["oslo", "tools"],
      ["weather", "tools"],
      ["4711", "tools"],
      ["invoice_2026", "files"],
    ] as const) {
      expect((await ann.search({ text: word, in: [field] })).items.map((item) => item.field)).toEqual([field]);
      expect((await ann.search({ text: word })).items).toHaveLength(field === "text" ? 1 : 0);
    }
    expect((await ann.search({ text: "spoken drizzle", in: ["text", "tools"] })).items).toHaveLength(1);
    // What is not wanted is looked for where the rest is.
    for (const [text, fields, count] of [
      ["spoken -drizzle", ["text"], 1],
      ['spoken -"drizzle"', ["text"], 1],
      ["spoken -drizzle", ["text", "tools"], 0],
      ["spoken -drizzle", ["text", "files"], 1],
      ["drizzle -spoken", ["tools"], 1],
      ["drizzle -spoken", ["text", "tools"], 0],
      ["drizzle -pond", ["tools", "files"], 1],
    ] as const) {
      expect((await ann.search({ text, in: [...fields] })).items, `${text} in ${fields}`).toHaveLength(count);
    }
    expect((await ann.search({ text: "secretbytes", in: ["text", "reasoning", "tools", "files"] })).items).toEqual([]);
  });
});

it("finds nobody else's", async () => {
  const { ann, bob, store } = people;
  const id = await chatOf(ann, ["only mine", ...filler(64)], "Mine alone");
  await chatOf(bob, filler(65));
  for (let round = 0; round < 2; round += 1) {
    expect(await bob.search({ text: "mine" })).toEqual({ items: [], nextCursor: null, conversations: [] });
    expect((await bob.search({ text: "mine", conversationId: id })).items).toEqual([]);
    await store.system.indexMessages();
  }
});

it("narrows by role, time, conversation and archive, and finds titles", async () => {
  const { ann, store } = people;
  const first = await chatOf(
    ann,
    [{ content: "apple one" }, { content: "apple two", role: "assistant" }],
    "Über Äpfel",
  );
  await ann.import({
    id: "old",
    title: "Old fruit",
    archived: true,
    createdAt: "2020-01-01T00:00:00Z",
    messages: [{ id: "m", role: "user", content: "apple of old", createdAt: "2020-01-01T00:00:00Z" }],
  });
  await chatOf(ann, filler(64));
  for (let round = 0; round < 2; round += 1) {
    expect(await found(ann, "apple")).toEqual(["apple two", "apple one", "apple of old"]);
    expect(await found(ann, "apple", { role: "assistant" })).toEqual(["apple two"]);
    expect(await found(ann, "apple", { archived: true })).toEqual(["apple of old"]);
    expect(await found(ann, "apple", { archived: false })).toHaveLength(2);
    expect(await found(ann, "apple", { before: "2020-12-31" })).toEqual(["apple of old"]);
    expect(await found(ann, "apple", { after: new Date("2021-01-01") })).toHaveLength(2);
    expect(await found(ann, "apple", { conversationId: first })).toHaveLength(2);
    expect(await found(ann, "apple", { conversationId: "none" })).toEqual([]);
    const { items, conversations } = await ann.search({ text: "of old apple" });
    expect(items[0]).toMatchObject({ conversationId: "old", messageId: "m", title: "Old fruit", archived: true });
    expect(conversations).toEqual([]);
    const titles = await ann.search({ text: "apfel" });
    expect(titles.conversations).toMatchObject([
      { conversationId: first, title: "Über Äpfel", marks: [{ start: 5, end: 10 }] },
    ]);
    await store.system.indexMessages();
  }
});

it("forgets at once what is changed, redacted or deleted, and finds what is new in it", async () => {
  const { ann, store } = people;
  const gone = await chatOf(ann, ["secretword leaves with its chat", "another"]);
  const id = await chatOf(ann, [
    { id: "a", content: "secretword one" },
    { id: "b", content: "secretword two" },
    "a bystander",
  ]);
  await chatOf(ann, filler(70));
  expect((await store.system.indexMessages()).indexed).toBe(64);
  const words = async () =>
    JSON.stringify(await database.query(`select words from search_words`, [])).includes("secretword");
  expect(await found(ann, "secretword")).toHaveLength(3);
  await ann.messages.update(id, "a", { content: "publicword one" }, { revision: 1 });
  expect([await found(ann, "secretword"), await found(ann, "publicword"), await words()]).toMatchObject([
    { length: 2 },
    ["publicword one"],
    false,
  ]);
  expect(await found(ann, "bystander")).toHaveLength(1);
  expect((await store.system.indexMessages()).indexed).toBe(64);
  expect(await words()).toBe(true);
  await ann.messages.redact(id, "b");
  expect([await found(ann, "secretword"), await words()]).toMatchObject([{ length: 1 }, false]);
  await store.system.indexMessages();
  expect(await found(ann, "secretword")).toHaveLength(1);
  await ann.conversations.delete(gone);
  expect(await found(ann, "secretword")).toEqual([]);
  await ann.conversations.restore(gone);
  expect(await found(ann, "secretword")).toHaveLength(1);
  await ann.conversations.erase(gone);
  expect([await found(ann, "secretword"), await words(), await found(ann, "bystander")]).toMatchObject([
    [],
    false,
    { length: 1 },
  ]);
  await store.system.indexMessages();
  expect(await found(ann, "nothing")).toHaveLength(70);
  await database.db.execute(sql`delete from "user" where id = ${ids.ann}`);
  for (const table of ["search_block", "search_words", "search_pending"]) {
    expect(await database.query(`select 1 from ${table}`, [])).toEqual([]);
  }
});

it("finds a reply at its end, also one that went on after it was indexed", async () => {
  const { ann, store } = people;
  const beginning = await ann.runs.begin({
    conversationId: "c",
    question: { role: "user", content: "question" },
    server: "s",
  });
  if (!("begun" in beginning)) throw new Error("no run");
  const { begun } = beginning;
  await ann.messages.append(
    "c",
    filler(80).map((content) => ({ role: "user" as const, content })),
  );
  await store.system.indexMessages();
  await ann.runs.end(begun.run, { status: "completed", parts: [{ type: "text", text: "firstanswer" }] });
  expect(await found(ann, "firstanswer")).toHaveLength(1);
  expect((await store.system.indexMessages()).indexed).toBe(64);
  expect(await found(ann, "firstanswer")).toHaveLength(1);
  const reply = await ann.messages.get("c", begun.replyId);
  const { run } = await ann.runs.proceed({
    conversationId: "c",
    messageId: reply.id,
    parts: [{ type: "text", text: "firstanswer" }],
    revision: reply.revision,
    server: "s",
  });
  await store.system.indexMessages();
  await ann.runs.end(run, { status: "completed", parts: [{ type: "text", text: "secondanswer" }] });
  expect([await found(ann, "firstanswer"), await found(ann, "secondanswer")]).toMatchObject([[], { length: 1 }]);
  await store.system.indexMessages();
  expect([await found(ann, "firstanswer"), await found(ann, "secondanswer")]).toMatchObject([[], { length: 1 }]);
  expect(await found(ann, "nothing")).toHaveLength(80);
});

const vocabulary = [
  "tree",
  "trees",
  "treetop",
  "stone",
  "stony",
  "river",
  "rivers",
  "été",
  "Äpfel",
  "x1",
  "x12",
  "go",
  "gone",
  "blue",
  "blues",
  "sky",
];

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** A scan of all documents, with none of the code that is tested. */
function isMeant(
  document: string,
  query: readonly { words: string[]; kind: "word" | "phrase" | "without" }[],
): boolean {
  const all = plain(document).split(" ");
  return query.every(({ words, kind }) => {
    const wanted = words.map(plain);
    if (kind === "phrase") return all.some((_, at) => wanted.every((word, index) => all[at + index] === word));
    return all.some((word) => word.startsWith(wanted[0] as string)) === (kind === "word");
  });
}

it("leaves out whole words, beginnings and phrases, in every script", async () => {
  const { ann } = people;
  const said = [
    "alpha beta",
    "alpha betamax",
    "alpha bet",
    "alpha b\u00e9ta",
    "alpha beta-max",
    "alpha \u4eca\u65e5\u306f",
    "alpha user.name",
  ];
  await chatOf(ann, [...said, ...filler(64)]);
  const contents = async (text: string) =>
    (await ann.search({ text })).items
      .map(({ seq }) => said[seq - 1])
      .sort((one = "", other = "") => (one < other ? -1 : 1));
  const without = (...gone: number[]) =>
    said.filter((_, index) => !gone.includes(index)).sort((one, other) => (one < other ? -1 : 1));
  await bothWays(async () => {
    expect(await contents("alpha -beta")).toEqual(without(0, 1, 3, 4));
    expect(await contents('alpha -"beta"')).toEqual(without(0, 3, 4));
    expect(await contents('alpha -"beta max"')).toEqual(without(4));
    expect(await contents("alpha -b")).toEqual(without(0, 1, 2, 3, 4));
    expect(await contents("alpha -\u65e5")).toEqual(without(5));
    expect(await contents("alpha -user.name")).toEqual(without(6));
    expect(await contents("alpha -name -bet")).toEqual(without(0, 1, 2, 3, 4, 6));
  });
});

it("agrees with a plain scan, while others append and blocks are made", async () => {
  const { ann, bob, store } = people;
  const count = isLong || engine === "pglite" ? 2_000 : 600;
  const next = randomFrom(7);
  const word = () => vocabulary[next(vocabulary.length)] as string;
  const documents = Array.from({ length: count }, () => Array.from({ length: 1 + next(7) }, word).join(" "));
  const byId = new Map<string, string>();
  const chats = await Promise.all(Array.from({ length: 20 }, () => ann.conversations.create()));
  for (let from = 0; from < count; from += 100) {
    const some = documents
      .slice(from, from + 100)
      .map((content) => ({ id: randomUUID(), role: "user" as const, content }));
    for (const { id, content } of some) byId.set(id, content);
    await ann.messages.append(chats[next(20)]?.id as string, some);
    if (from % 300 === 0) await store.system.indexMessages();
  }
  const { id: others } = await bob.conversations.create();
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      await bob.messages.append(
        others,
        documents.slice(0, 50).map((content) => ({ role: "user" as const, content })),
      );
      await store.system.indexMessages();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    for (let round = 0; round < 24; round += 1) {
      const query = Array.from({ length: 1 + next(3) }, (_, index) => {
        const kind =
          (["word", "phrase", ...(index > 0 ? (["without"] as const) : [])] as const)[next(index > 0 ? 3 : 2)] ??
          "word";
        const words = kind === "phrase" ? Array.from({ length: 1 + next(2) }, word) : [word().slice(0, 2 + next(4))];
        return { kind, words };
      });
      const text = query
        .map(({ kind, words }) =>
          kind === "phrase" ? `"${words.join(" ")}"` : `${kind === "without" ? "-" : ""}${words[0]}`,
        )
        .join(" ");
      const expected = [...byId].filter(([, document]) => isMeant(document, query)).map(([id]) => id);
      const all = await everything(ann, { text, limit: 100 });
      expect(new Set(all), text).toEqual(new Set(expected));
      expect(all.length, text).toBe(expected.length);
    }
  } finally {
    isOver = true;
    await writing;
  }
});

it("gives each once and in order, page by page, while messages arrive, the newest or the best first", async () => {
  const { ann, store } = people;
  const said = Array.from({ length: 150 }, (_, index) =>
    index % 10 === 0 ? `wordy ${index}` : `word ${index} `.repeat(1 + (index % 7)),
  );
  const id = await chatOf(ann, said);
  const order = (await ann.messages.list(id, { after: 0, limit: 100 })).items.map((message) => message.id);
  await store.system.indexMessages();
  for (const sort of ["newest", "best"] as const) {
    const all: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await ann.search({ text: "word", sort, limit: 13, cursor });
      all.push(...page.items.map(({ messageId }) => messageId));
      cursor = page.nextCursor ?? undefined;
      await ann.messages.append(id, [{ role: "user", content: "word arrives" }]);
      await store.system.indexMessages();
    } while (cursor);
    expect(new Set(all).size).toBe(all.length);
    expect(new Set(all)).toEqual(new Set(all.filter((each) => each)));
    for (const each of order) expect(all).toContain(each);
  }
  expect((await ann.search({ text: "word", sort: "best", limit: 1 })).items[0]?.snippet.text).not.toContain("wordy");
  const { nextCursor } = await ann.search({ text: "word", limit: 5 });
  await expect(ann.search({ text: "word", sort: "best", cursor: nextCursor as string })).rejects.toThrow(
    code("invalid_input"),
  );
  await expect(ann.search({ text: "word", cursor: "zzz" })).rejects.toThrow(code("invalid_input"));
});

it("misses nothing while messages are changed, redacted and indexed at once", async () => {
  const { ann, store } = people;
  const id = await chatOf(
    ann,
    Array.from({ length: 200 }, (_, index) => ({ id: `m${index}`, content: `steady ${index}` })),
  );
  const changes = (async () => {
    for (let index = 0; index < 40; index += 1) {
      if (index % 2) await ann.messages.redact(id, `m${index}`);
      else await ann.messages.update(id, `m${index}`, { content: `other ${index}` }, { revision: 1 });
    }
  })();
  const indexing = (async () => {
    for (let round = 0; round < 12; round += 1) await store.system.indexMessages();
  })();
  for (let round = 0; round < 12; round += 1) {
    const all = new Set(await everything(ann, { text: "steady", limit: 100 }));
    for (let index = 40; index < 200; index += 1) expect(all).toContain(`m${index}`);
  }
  await Promise.all([changes, indexing]);
  await store.system.indexMessages();
  expect(await everything(ann, { text: "steady", limit: 100 })).toHaveLength(160);
  expect(await everything(ann, { text: "other", limit: 100 })).toHaveLength(20);
  const words = JSON.stringify(await database.query(`select words from search_words where words like '%steady%'`, []));
  expect(words).not.toContain("redacted");
});

it("refuses what is no search with a sentence", async () => {
  const { ann } = people;
  for (const [options, sentence] of [
    [{ text: "" }, "search.text must not be empty."],
    [{ text: " \n" }, "search.text must not be empty."],
    [{ text: "x".repeat(10_000) }, "search.text must have at most 1000 characters."],
    [{ text: "a\0b" }, "search.text must not contain the character NUL, or half of a surrogate pair."],
    [{ text: "... !? --" }, "search.text must have a letter or a digit to look for."],
    [{ text: "-only -without" }, "search.text must have a word that is to be found beside those that are not."],
    [{ text: '""' }, "search.text must have a letter or a digit to look for."],
    [{ text: "a", limit: 0 }, /^search.limit must/],
    [{ text: "a", in: [] }, "search.in must name at least one place to look in."],
    [{ text: "a", after: "yesterday" }, "search.after must be a date, or a text such as 2026-11-23T09:30:00.000Z."],
    [{ text: "a", sort: "oldest" }, 'search.sort must be "newest" or "best".'],
    [{ text: "a", query: "b" }, /^search must not have the key "query"/],
    [undefined, /^search must be an object/],
  ] as const) {
    const error = await ann.search(options as SearchOptions).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({
      code: "invalid_input",
      message: typeof sentence === "string" ? sentence : expect.stringMatching(sentence),
    });
  }
  for (const odd of [
    "(",
    "[a",
    "a\\",
    "a*",
    "a|b",
    "$1",
    "^x",
    "\u{1F469}\u200D\u{1F4BB}",
    "a".repeat(900),
    "'; drop table message; --",
    "\ud83d\ude00",
    "e\u0301",
  ]) {
    await ann.search({ text: odd }).catch((error: unknown) => expect(error).toMatchObject({ code: "invalid_input" }));
  }
});
