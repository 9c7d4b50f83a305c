/** Which models there are, and where each is: read from the environment's settings. */
import { InvalidInputError } from "chatkeep";
import { z } from "zod";
import { type Omission, omissions } from "./assistant/omissions.ts";
import { filled, httpUrl, namesIn, numberIn } from "./config-lists.ts";

export interface ModelConfig {
  /** As its endpoint calls it. */
  id: string;
  /** As people choose it; its id when left out. */
  name?: string;
  baseUrl: string;
  apiKey: string | undefined;
  /** What its endpoint does not take. */
  without?: readonly Omission[];
  /** About how many tokens of a conversation it is given; 16,000 when left out. */
  historyTokens?: number;
}

const historyRule = "must be a whole number from 500 to 1000000";
const openAi = "https://api.openai.com/v1";
const isOmission = (name: string): name is Omission => omissions.some((each) => each === name);

const object = (what: string) => ({
  error: (issue: { code?: string | undefined; keys?: string[] }) =>
    issue.code === "unrecognized_keys" ? `must not have ${issue.keys?.join(", ")}` : `must be ${what}`,
});
const modelName = z.string("must be the name of a model").min(1, "must not be empty").max(255, "is too long");
const historySchema = z.int(historyRule).min(500, historyRule).max(1_000_000, historyRule).optional();
const withoutSchema = z.array(z.enum(omissions, `must be any of ${omissions.join(", ")}`), "must be a list").optional();
const ofModel = { without: withoutSchema, historyTokens: historySchema };

/** Endpoints, each with its key and its models. */
const providersSchema = z
  .array(
    z.strictObject(
      {
        baseUrl: z.string("must be an http address").pipe(httpUrl),
        apiKey: z.string("must be a text").min(1, "must not be empty: leave it out where none is needed").optional(),
        models: z
          .array(
            z.union(
              [modelName, z.strictObject({ id: modelName, name: modelName.optional(), ...ofModel })],
              "must be a name, or an object with id, and name, without, historyTokens if needed",
            ),
            "must be a list of models",
          )
          .min(1, "must name at least one model"),
        ...ofModel,
      },
      object("an object with baseUrl, models, and apiKey, without, historyTokens if needed"),
    ),
    "must be a list of endpoints as JSON",
  )
  .min(1, "must name at least one endpoint");

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The settings of models and their endpoints. */
export const modelSettings = {
  CHATKEEP_MODEL: filled(z.string()),
  CHATKEEP_MODELS: filled(z.string()),
  OPENAI_API_KEY: filled(z.string()),
  OPENAI_BASE_URL: filled(httpUrl),
  CHATKEEP_PROVIDERS: z.preprocess((value) => (value ? jsonIn(String(value)) : undefined), providersSchema.optional()),
  CHATKEEP_MODEL_WITHOUT: filled(
    z
      .string()
      .refine((text) => namesIn(text).every(isOmission), `must be any of ${omissions.join(", ")}, with commas between`),
  ),
  CHATKEEP_MODEL_HISTORY: z.preprocess(
    (value) => numberIn(value, undefined),
    z.int(historyRule).min(500, historyRule).max(1_000_000, historyRule).optional(),
  ),
};

const settings = z.object(modelSettings);
type ModelSettings = z.output<typeof settings>;

/** The built-in assistant, which needs no endpoint. */
const offline = "offline";

/** The usual one is what CHATKEEP_MODEL names, or else the first that there is. */
export function modelsOf(set: ModelSettings): {
  model: ModelConfig | undefined;
  otherModels: readonly (ModelConfig | "offline")[];
} {
  const ofProviders = (set.CHATKEEP_PROVIDERS ?? []).flatMap(modelsOfProvider);
  const others = set.CHATKEEP_MODELS ? namesIn(set.CHATKEEP_MODELS) : [];
  const isElsewhere = (name: string) => name === offline || ofProviders.some((model) => nameOf(model) === name);
  const own = [...new Set([set.CHATKEEP_MODEL ?? [], others].flat())].filter((name) => !isElsewhere(name));
  const all = [...own.map((id) => ownModel(set, id)), ...ofProviders];
  const names = all.map(nameOf);
  const twice = names.find((name, index) => name === offline || names.indexOf(name) < index);
  if (twice !== undefined) {
    throw new InvalidInputError(
      `CHATKEEP_PROVIDERS has a second model ${twice}, or one with the name of the built-in assistant: give it a name of its own, as { "id": "${twice}", "name": "…" }.`,
    );
  }
  const usual = set.CHATKEEP_MODEL ?? names[0] ?? offline;
  const model = all.find((each) => nameOf(each) === usual);
  const hasOffline = usual !== offline && others.includes(offline);
  const rest = all.filter((each) => each !== model);
  return { model, otherModels: hasOffline ? [...rest, offline] : rest };
}

const nameOf = ({ id, name = id }: ModelConfig) => name;
export const withoutSlash = (url: string) => url.replace(/\/+$/, "");

type Provider = z.output<typeof providersSchema>[number];

function modelsOfProvider({ baseUrl, apiKey, models, ...ofAll }: Provider): ModelConfig[] {
  return models.map((given) => {
    const { id, name, ...own } = typeof given === "string" ? { id: given } : given;
    const { without, historyTokens } = { ...ofAll, ...defined(own) };
    return {
      id,
      apiKey,
      baseUrl: withoutSlash(baseUrl),
      ...(name !== undefined && { name }),
      ...(without && { without }),
      ...(historyTokens !== undefined && { historyTokens }),
    };
  });
}

function defined<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value;
}

function ownModel(set: ModelSettings, id: string): ModelConfig {
  const { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseUrl } = set;
  const { CHATKEEP_MODEL_WITHOUT: without, CHATKEEP_MODEL_HISTORY: historyTokens } = set;
  if (!apiKey && !baseUrl) {
    const name = id === set.CHATKEEP_MODEL ? "CHATKEEP_MODEL is" : `CHATKEEP_MODELS has ${id}`;
    throw new InvalidInputError(
      `OPENAI_API_KEY must be set when ${name}, or OPENAI_BASE_URL to an endpoint that needs no key.`,
    );
  }
  return {
    id,
    apiKey,
    baseUrl: withoutSlash(baseUrl ?? openAi),
    ...(without && { without: namesIn(without).filter(isOmission) }),
    ...(historyTokens && { historyTokens }),
  };
}
