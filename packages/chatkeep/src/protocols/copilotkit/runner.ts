/** The runner of CopilotKit's runtime on a store: a thread is a conversation, and each run of an agent a reply in it. */
import type { BaseEvent } from "@ag-ui/client";
import { Observable, type Subscriber } from "rxjs";
import { ConflictError, NotFoundError, UnauthenticatedError } from "../../errors.ts";
import type { Failure } from "../../replies/failure.ts";
import type { Ending } from "../../replies/feeds.ts";
import type { Replies } from "../../replies/replies.ts";
import type { Reply } from "../../replies/reply.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { type BegunRun, beginIn } from "./begin.ts";
import { closingOf } from "./closing.ts";
import type { RunEvent } from "./codec.ts";
import type { ChatkeepAgentRunner, ConnectRequest, RunRequest, StopRequest } from "./contract.ts";
import { generateFrom } from "./generate.ts";
import { eventsOf, factsOf, readBranch } from "./history.ts";

/** Of which thread something is asked, and with which headers; the runtime does not give any to `stop` and `isRunning`. */
export interface ThreadRequest {
  threadId: string;
  headers?: Record<string, string> | undefined;
}

/** Whose threads they are: those of one user, or of the user that each request is of. */
export type AgentRunnerOptions = {
  /** Made with `agUiCodec`, once in each process, on a store with `partsOf: partsOf(agUiCodec)`. */
  replies: Replies<RunEvent>;
  /** What a run shows whose agent has thrown; `model_failed` when left out, since such errors may tell of keys and addresses. */
  failureOf?: ((error: unknown) => Failure) | undefined;
} & (
  | { userId: UserId; getUserId?: undefined }
  | {
      userId?: undefined;
      /** Called at once, in the asynchronous context of the request; nothing stands for nobody. */
      getUserId: (request: ThreadRequest) => UserId | undefined | Promise<UserId | undefined>;
    }
);

/** Makes a runner, cheap enough for each request. Another user's threads are absent, whatever their ids. */
export function createAgentRunner(options: AgentRunnerOptions): ChatkeepAgentRunner {
  const { replies } = options;
  const { store, logger } = replies;

  async function userOf(request: ThreadRequest): Promise<UserId> {
    const userId = options.getUserId ? await options.getUserId(request) : options.userId;
    if (userId === undefined) throw new UnauthenticatedError();
    return userId;
  }

  async function begin({ threadId, agent, input }: RunRequest): Promise<Reply<RunEvent>> {
    const userId = await userOf({ threadId, headers: agent.headers });
    const draft = (asCopies: boolean) => {
      let begun: BegunRun;
      return replies.forUser(userId).draft(
        threadId,
        async (mine) => {
          begun = await beginIn(mine, { ...input, threadId }, { agentId: agent.agentId, asCopies });
          return begun.draft;
        },
        (turn) => generateFrom({ agent, input, begun, logger, failureOf: options.failureOf }, turn),
      );
    };
    const inThread = async (asCopies: boolean) => {
      try {
        return await draft(asCopies);
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        await store.forUser(userId).conversations.create({ id: threadId });
        return await draft(asCopies);
      }
    };
    try {
      return await inThread(false);
    } catch (error) {
      const isBusy = error instanceof ConflictError && error.details?.["runId"] !== undefined;
      if (!(error instanceof ConflictError) || isBusy) throw error;
      return await inThread(true);
    }
  }

  async function connect(userId: UserId, { threadId }: ConnectRequest, to: Subscriber<BaseEvent>): Promise<void> {
    const user = store.forUser(userId);
    // Before the history: a run that ends meanwhile is in both, and left out of one.
    const reply = await replies.forUser(userId).follow(threadId);
    const run = reply?.runId === undefined ? undefined : await user.runs.find(threadId, reply.runId);
    const branch = await readBranch(user, threadId).catch(absent);
    const index = branch.findIndex(({ id }) => id === run?.messageId);
    const followed = branch[index];
    const ended = followed ? branch.with(index, { ...followed, status: "streaming" as const }) : branch;
    for (const event of eventsOf(threadId, ended)) to.next(event);
    if (reply && followed && factsOf(followed)) await pump(reply, to);
    else to.complete();
  }

  return {
    run: (request) => {
      const begun = begin(request);
      // It runs on when nobody subscribes.
      begun.catch(() => undefined);
      return new Observable((to) => {
        begun.then((reply) => pump(reply, to)).catch((error: unknown) => to.error(error));
      });
    },
    connect: (request) => {
      const userId = userOf(request);
      userId.catch(() => undefined);
      return new Observable((to) => {
        userId.then((id) => connect(id, request, to)).catch((error: unknown) => to.error(error));
      });
    },
    isRunning: async ({ threadId }) => {
      const user = store.forUser(await userOf({ threadId }));
      return (await user.runs.findRunning(threadId)) !== undefined;
    },
    stop: async ({ threadId, runId }: StopRequest) => {
      const user = store.forUser(await userOf({ threadId }));
      const run = await user.runs.findRunning(threadId);
      if (!run?.messageId) return false;
      if (runId !== undefined) {
        const draft = await user.messages.get(threadId, run.messageId);
        if (factsOf(draft)?.runId !== runId) return false;
      }
      return (await user.runs.stop(threadId, run.id)) !== undefined;
    },
  };
}

/** The events of a run to their end, for as long as somebody wants them. */
async function pump(reply: Reply<RunEvent>, to: Subscriber<BaseEvent>): Promise<void> {
  const events = reply[Symbol.asyncIterator]();
  to.add(() => void events.return?.());
  const seen: BaseEvent[] = [];
  for (;;) {
    const next = await events.next();
    if (to.closed) return;
    if (next.done) {
      const { status } = next.value as Ending;
      for (const event of closingOf(seen, status)) to.next(event);
      return to.complete();
    }
    seen.push(next.value.event.event);
    to.next(next.value.event.event);
  }
}

function absent(error: unknown): Message[] {
  if (error instanceof NotFoundError) return [];
  throw error;
}
