/** An agent's run as the events of a reply. */
import type { BaseEvent, RunAgentInput, RunAgentParameters } from "@ag-ui/client";
import { type Failure, modelFailed } from "../../replies/failure.ts";
import type { Logger } from "../../replies/logger.ts";
import type { Turn } from "../../replies/turn.ts";
import type { BegunRun } from "./begin.ts";
import { closingOf, type Fault, isTerminal } from "./closing.ts";
import type { RunEvent } from "./codec.ts";
import type { RunnableAgent } from "./contract.ts";

/** What makes a reply of an agent. */
export interface AgentRun {
  agent: RunnableAgent;
  input: RunAgentInput;
  begun: BegunRun;
  logger: Logger;
  failureOf?: ((error: unknown) => Failure) | undefined;
}

/** The events of an agent, from `RUN_STARTED` with what is new in its input, to one that says how it ended. */
export async function* generateFrom(run: AgentRun, { signal, report }: Turn): AsyncGenerator<RunEvent> {
  const { agent, input, begun } = run;
  const seen: BaseEvent[] = [];
  const give = (event: BaseEvent): RunEvent => {
    seen.push(event);
    // Before it is shown: a stop that comes later stops nothing.
    if (event.type === "RUN_FINISHED") report({ finishReason: "stop" });
    if (event.type === "RUN_ERROR") report({ failure: modelFailed });
    return { event, kept: begun.keptIn(event) };
  };
  const started = () =>
    withInput({ type: "RUN_STARTED", threadId: input.threadId, runId: input.runId } as BaseEvent, run);
  let fault: Fault | undefined;
  try {
    for await (const event of eventsOf(agent, input, signal)) {
      if (seen.length === 0 && event.type !== "RUN_STARTED") yield give(started());
      yield give(event.type === "RUN_STARTED" ? withInput(event, run) : event);
    }
  } catch (error) {
    if (signal.aborted) return;
    run.logger.error({ error, agentId: agent.agentId }, "an agent broke off");
    const { code, sentence } = run.failureOf?.(error) ?? modelFailed;
    fault = { code, message: sentence };
    report({ failure: { code, sentence } });
  }
  // How a run ends that is stopped, or that another process has to end, is for its readers to say.
  if (signal.aborted || seen.some(isTerminal)) return;
  if (seen.length === 0) yield give(started());
  const failure = fault && { code: fault.code, sentence: fault.message };
  for (const event of closingOf(seen, "completed", fault)) yield give(event);
  if (failure) report({ failure });
}

/** Whoever reads the thread later learns from it what was asked. */
function withInput(event: BaseEvent, { input, begun }: AgentRun): BaseEvent {
  if ((event as { input?: unknown }).input) return event;
  return { ...event, input: { ...input, messages: begun.fresh } } as BaseEvent;
}

/** Aborts the agent when nobody wants its events any more. */
async function* eventsOf(agent: RunnableAgent, input: RunAgentInput, signal: AbortSignal): AsyncGenerator<BaseEvent> {
  const waiting: BaseEvent[] = [];
  let changed = Promise.withResolvers<void>();
  let hasEnded = false;
  const abort = () => {
    try {
      agent.abortRun();
    } catch {
      // It is not listened to any more.
    }
  };
  if (signal.aborted) return;
  signal.addEventListener("abort", abort, { once: true });
  const onEvent = ({ event }: { event: BaseEvent }) => {
    waiting.push(event);
    changed.resolve();
    return undefined;
  };
  const running = agent.runAgent(input as RunAgentParameters, { onEvent }).finally(() => {
    hasEnded = true;
    changed.resolve();
  });
  // Awaited when its events are read, or never, when it is stopped.
  running.catch(() => undefined);
  try {
    for (;;) {
      changed = Promise.withResolvers();
      yield* waiting.splice(0);
      if (hasEnded) break;
      await changed.promise;
    }
    yield* waiting.splice(0);
    await running;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
