/** The reducer of a chat's state: what is stored, what streams, what was lost. */
import type { UIMessage } from "ai";
import { ApiError } from "chatkeep/client";
import { describe, expect, it } from "vitest";
import { afterRead, atFirst, type ChatFacts, type Remembered, reduceChat } from "../src/conversation/chat-state.ts";
import { DetachedError } from "../src/reply-streams.ts";

const words = (text: string): UIMessage["parts"] => [{ type: "text", text }];
const stored = (id: string, role: "user" | "assistant", status = "complete"): UIMessage => ({
  id,
  role,
  parts: words(id),
  metadata: { role, status },
});
const sent = (id: string, role: "user" | "assistant" = "user"): UIMessage => ({ id, role, parts: words(id) });

const reading = { isPending: true, isSuccess: false, error: null };
const wasRead = { isPending: false, isSuccess: true, error: null };
const failed = (error: Error) => ({ isPending: false, isSuccess: false, error });
const absent = failed(new ApiError("not_found", "There is none.", { status: 404 }));
const away = failed(new ApiError("unavailable", "Away.", { status: 503 }));
const chat = (given: Partial<ChatFacts> = {}): ChatFacts => ({
  status: "ready",
  error: undefined,
  messages: [],
  isNew: false,
  read: wasRead,
  asked: undefined,
  ...given,
});
const reduce = (given: Partial<ChatFacts>, before: Remembered = atFirst) => reduceChat(before, chat(given));
const asked = { messageId: "q", text: "My question" };

describe("what stands in place of messages", () => {
  it.each([
    ["a new chat", { isNew: true, read: reading }, "start"],
    ["one that is read", { read: reading }, undefined],
    ["one that has nothing", {}, "start"],
    ["one that is not there", { read: absent }, "gone"],
    ["one that cannot be read", { read: away }, "failure"],
    ["one that cannot be read again", { read: away, messages: [stored("a", "user")] }, undefined],
    ["one that went while it was looked at", { read: absent, messages: [stored("a", "user")] }, "gone"],
    ["one that is not there yet, since its question failed", { read: absent, asked }, "start"],
    ["one whose first reply streams", { read: absent, status: "streaming", messages: [sent("q")] }, undefined],
  ] as const)("%s", (_name, facts, instead) => {
    expect(reduce(facts as Partial<ChatFacts>).instead).toBe(instead);
  });

  it("is what it was while it is read again", () => {
    const gone = reduce({ read: absent });
    expect(reduce({ read: reading }, gone)).toMatchObject({ isMissing: true, instead: "gone" });
    expect(reduce({ read: wasRead }, gone)).toMatchObject({ isMissing: false, instead: "start" });
  });
});

describe("what streams", () => {
  it.each([
    ["nothing", {}, [false, false, false, false]],
    ["a question is sent", { status: "submitted" }, [true, false, true, false]],
    ["a reply comes", { status: "streaming" }, [true, false, true, false]],
    ["others have its stream", { status: "error", error: new DetachedError() }, [true, false, true, false]],
    ["it was asked elsewhere", { messages: [stored("a", "assistant", "streaming")] }, [false, true, true, false]],
    [
      "the line is lost within a reply",
      { status: "error", error: new TypeError("network"), messages: [sent("a", "assistant")] },
      [false, false, false, true],
    ],
    [
      "the line is lost before it",
      { status: "error", error: new TypeError("network"), messages: [sent("q")] },
      [false, false, false, false],
    ],
    [
      "it is refused",
      { status: "error", error: new ApiError("forbidden", "No.", { status: 403 }) },
      [false, false, false, false],
    ],
  ] as const)("%s", (_name, facts, wanted) => {
    const { isReplying, isWrittenElsewhere, isBusy, isLost } = reduce(facts as unknown as Partial<ChatFacts>);
    expect([isReplying, isWrittenElsewhere, isBusy, isLost]).toEqual(wanted);
  });
});

describe("a question that did not arrive", () => {
  it.each([
    ["is written again once it is known that it is not stored", { asked }, "My question"],
    ["also where there is no chat yet", { asked, read: absent }, "My question"],
    ["not before that is known", { asked, read: reading }, undefined],
    ["not while it is on its way", { asked, status: "submitted" }, undefined],
    ["not where it is to be seen", { asked, messages: [sent("q")] }, undefined],
  ] as const)("%s", (_name, facts, unsent) => {
    expect(reduce(facts as unknown as Partial<ChatFacts>).unsent).toBe(unsent);
  });

  it("stays in the box while it is read again", () => {
    const before = reduce({ asked });
    expect(reduce({ asked, read: reading }, before).unsent).toBe("My question");
    expect(reduce({ read: reading }, before).unsent).toBeUndefined();
  });
});

describe("after reading", () => {
  const question = stored("q", "user");
  it.each([
    ["what is stored is shown", "ready", [], [question], [question]],
    ["nothing changes while a reply comes", "streaming", [sent("a", "assistant")], [question], undefined],
    ["nothing changes while a question is sent", "submitted", [sent("q")], [question], undefined],
    ["what was lost here is forgotten once it is stored", "error", [sent("q")], [question], [question]],
    ["what failed stays below what is stored", "error", [sent("other")], [question], [question, sent("other")]],
    ["what was stored and is so no more goes", "error", [stored("old", "user")], [question], [question]],
  ] as const)("%s", (_name, status, messages, read, wanted) => {
    expect(afterRead({ status, messages: [...messages] }, read)).toEqual(wanted);
  });

  it("a draft of which no words are stored keeps those that this tab has seen", () => {
    const draft = { ...stored("a", "assistant", "streaming"), parts: [] };
    const seen = { ...sent("a", "assistant"), parts: words("So far") };
    expect(afterRead({ status: "error", messages: [seen] }, [question, draft])).toEqual([
      question,
      { ...draft, parts: words("So far") },
    ]);
  });
});

it("the same facts again change nothing", () => {
  const facts = [reading, wasRead, absent, away].flatMap((read) =>
    (["ready", "submitted", "streaming", "error"] as const).flatMap((status) =>
      [undefined, asked].flatMap((question) =>
        [[], [sent("q")], [stored("q", "user"), stored("a", "assistant", "streaming")]].map((messages) =>
          chat({ read, status, asked: question, messages }),
        ),
      ),
    ),
  );
  for (const one of facts)
    for (const other of facts) {
      const once = reduceChat(reduceChat(atFirst, one), other);
      expect(reduceChat(once, other)).toEqual(once);
    }
});
