/** What clients have sent, what they were told, and what they were shown: all that a run is held against. */
import { randomUUID } from "node:crypto";

interface Sent {
  id: string;
  role: "user" | "assistant";
  content: string;
}

/** Messages of one request: all are there, next to each other, or none. */
export interface Append {
  conversationId: string;
  messages: Sent[];
  isAcknowledged: boolean;
}

export interface Question {
  conversationId: string;
  id: string;
  text: string;
  /** How many numbers the model says to it. */
  count: number;
  isAcknowledged: boolean;
}

/** A reply as all who followed it were shown it. */
export interface Shown {
  events: Map<number, string>;
  /** The type of the last event, once somebody was told the end. */
  ending?: string;
}

export interface User {
  name: string;
  token: string;
}

export class Journal {
  readonly users: User[] = [];
  readonly conversations = new Map<string, { user: User; isAcknowledged: boolean }>();
  readonly appends: Append[] = [];
  readonly questions: Question[] = [];
  readonly shown = new Map<string, Shown>();
  /** Replies that came whole, to a question that was sent again. */
  readonly replays: { messageId: string; text: string }[] = [];
  /** Answers that a healthy client should not get, with how often it did. */
  readonly refusals = new Map<string, number>();
  /** What clients were shown twice, not at all, or differently from each other. */
  readonly mismatched: string[] = [];
  requestsCut = 0;
  requestsRefused = 0;
  streamsCut = 0;
  stops = 0;
  followed = 0;
  gaveUp = 0;

  append(conversationId: string, sizes: readonly number[]): Append {
    const messages = sizes.map((size, index): Sent => {
      const id = randomUUID();
      return { id, role: index % 2 === 0 ? "user" : "assistant", content: `sent ${id} ${"word ".repeat(size)}end` };
    });
    const append = { conversationId, messages, isAcknowledged: false };
    this.appends.push(append);
    return append;
  }

  question(conversationId: string, count: number): Question {
    const id = randomUUID();
    const question = { conversationId, id, text: `count ${count} for ${id}`, count, isAcknowledged: false };
    this.questions.push(question);
    return question;
  }

  refused(what: string): void {
    this.refusals.set(what, (this.refusals.get(what) ?? 0) + 1);
  }

  /** An event that somebody was shown, who had had `previous` before it. */
  show(runId: string, number: number, data: string, previous: number): void {
    const shown = this.shownOf(runId);
    if (number !== previous + 1) this.mismatched.push(`run ${runId}: event ${number} came after ${previous}`);
    const known = shown.events.get(number);
    if (known !== undefined && known !== data) this.mismatched.push(`run ${runId}: event ${number} was shown twofold`);
    shown.events.set(number, data);
  }

  end(runId: string, ending: string): void {
    const shown = this.shownOf(runId);
    if (shown.ending !== undefined && shown.ending !== ending) {
      this.mismatched.push(`run ${runId}: ended as ${shown.ending} and as ${ending}`);
    }
    shown.ending = ending;
  }

  private shownOf(runId: string): Shown {
    const shown = this.shown.get(runId) ?? { events: new Map() };
    this.shown.set(runId, shown);
    return shown;
  }
}
