/** Which models answer here: the usual one, and what conversations may name in its place. */
import type { LanguageModelV4 } from "@ai-sdk/provider";
import type { Log } from "../log.ts";
import type { AnsweringModel } from "./model.ts";
import { tellingModel, unknownModel } from "./model-errors.ts";

/** What is said of a model to whoever chooses one. */
interface OfferedModel {
  name: string;
  isUsual: boolean;
  /** As far as it is configured: whether it is given pictures and other files, and tools. */
  takesFiles: boolean;
  takesTools: boolean;
}

export interface Models {
  usual: string;
  list(): OfferedModel[];
  /** Its settings; `undefined` for one that is not offered. `null` names the usual one. */
  find(name: string | null): AnsweringModel | undefined;
  /** What answers; one that is not offered fails, and says why. */
  answering(name: string | null): LanguageModelV4;
}

export function createModels(usual: AnsweringModel, others: readonly AnsweringModel[], log: Log): Models {
  const all = [usual, ...others];
  const offered = new Map(all.map((model) => [model.modelId, { model, telling: tellingModel(model) }]));
  for (const { modelId, hear } of all) {
    hear?.((without, words) =>
      log.warn({ model: modelId, without, words }, "the endpoint refuses this, and is asked without it from now on"),
    );
  }
  const find = (name: string | null) => offered.get(name ?? usual.modelId);
  return {
    usual: usual.modelId,
    list: () =>
      [...offered.values()].map(({ model: { modelId, takes } }) => ({
        name: modelId,
        isUsual: modelId === usual.modelId,
        takesFiles: takes?.files ?? true,
        takesTools: takes?.tools ?? true,
      })),
    find: (name) => find(name)?.model,
    answering: (name) => find(name)?.telling ?? unknownModel(name),
  };
}
