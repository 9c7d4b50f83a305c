/** chatkeep/mastra: the memory of Mastra's agents, kept as conversations. */
export { type ChatkeepMemory, createMastraMemory, type MastraMemoryOptions } from "./memory.ts";
