/** An `AgentRunner` as `@copilotkit/runtime` 1.75 has it, in its shape: the package itself is not imported. */
import type { AgentSubscriber, BaseEvent, RunAgentInput, RunAgentParameters } from "@ag-ui/client";
import type { Observable } from "rxjs";

/** What is used of an agent: every `AbstractAgent` of `@ag-ui/client` has it. */
export interface RunnableAgent {
  agentId?: string | undefined;
  /** Of an `HttpAgent`: the headers that the runtime forwards of its request. */
  headers?: Record<string, string> | undefined;
  runAgent(parameters?: RunAgentParameters, subscriber?: AgentSubscriber): Promise<unknown>;
  abortRun(): void;
}

/** An agent to be run on a thread, with its input. */
export interface RunRequest {
  threadId: string;
  agent: RunnableAgent;
  input: RunAgentInput;
}

/** A thread whose history is read and whose run is followed. */
export interface ConnectRequest {
  threadId: string;
  headers?: Record<string, string>;
}

/** A thread, by its id. */
export interface IsRunningRequest {
  threadId: string;
}

/** What is to stop: the thread's run, or with `runId` (the client's) only that one. */
export interface StopRequest {
  threadId: string;
  runId?: string;
}

/** For the option `runner` of `CopilotRuntime`. */
export interface ChatkeepAgentRunner {
  /**
   * Runs an agent, whoever subscribes, and gives its events once they are stored; every subscriber has all of them. It fails with
   * `conflict` while another run of the thread is running, and with `unauthenticated` when nobody is signed in.
   */
  run(request: RunRequest): Observable<BaseEvent>;
  /** The events of a thread from its first run on, and then those of the run that is running; none of a thread that is not there. */
  connect(request: ConnectRequest): Observable<BaseEvent>;
  /** Whether a run of the thread is running, in whichever process. */
  isRunning(request: IsRunningRequest): Promise<boolean>;
  /** Stops the run of the thread, in whichever process, within a second; `false` when there is nothing of it to stop. */
  stop(request: StopRequest): Promise<boolean>;
}
