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
  readonly usual: string;
  list(): OfferedModel[];
  /** Its settings; `undefined` for one that is not offered. `null` names the usual one. */
  find(name: string | null): AnsweringModel | undefined;
  /** What answers; one that is not offered fails, and says why. */
  answering(name: string | null): LanguageModelV4;
  /** From now on these are offered. */
  replace(usual: AnsweringModel, others: readonly AnsweringModel[]): void;
}

export function createModels(usual: AnsweringModel, others: readonly AnsweringModel[], log: Log): Models {
  let offered = offer(usual, others, log);
  const find = (name: string | null) => offered.all.get(name ?? offered.usual);
  return {
    get usual() {
      return offered.usual;
    },
    list: () =>
      [...offered.all.values()].map(({ model: { modelId, takes } }) => ({
        name: modelId,
        isUsual: modelId === offered.usual,
        takesFiles: takes?.files ?? true,
        takesTools: takes?.tools ?? true,
      })),
    find: (name) => find(name)?.model,
    answering: (name) => find(name)?.telling ?? unknownModel(name),
    replace: (next, nextOthers) => {
      offered = offer(next, nextOthers, log);
    },
  };
}

function offer(usual: AnsweringModel, others: readonly AnsweringModel[], log: Log) {
  const all = [usual, ...others];
  for (const { modelId, hear } of all) {
    hear?.((without, words) =>
      log.warn({ model: modelId, without, words }, "the endpoint refuses this, and is asked without it from now on"),
    );
  }
  return {
    usual: usual.modelId,
    all: new Map(all.map((model) => [model.modelId, { model, telling: tellingModel(model) }])),
  };
}
