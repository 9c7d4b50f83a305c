/** chatkeep/copilotkit: a runner for `@copilotkit/runtime` that keeps its threads in a store. */

export { agUiCodec, type RunEvent } from "./codec.ts";
export type {
  ChatkeepAgentRunner,
  ConnectRequest,
  IsRunningRequest,
  RunnableAgent,
  RunRequest,
  StopRequest,
} from "./contract.ts";
export { type AgentRunnerOptions, createAgentRunner, type ThreadRequest } from "./runner.ts";
