/** Every code of an error has a sentence in every language but English, in which the server itself speaks. */

import { statusOf } from "chatkeep";
import { ApiError, modelFailureCodeOf } from "chatkeep/client";
import { expect, it } from "vitest";
import { modelFailureSentences } from "../../chatkeep/src/model-failures.ts";
import { de } from "../src/strings/de.ts";
import { originalOf, replyErrorOf } from "../src/strings/errors.ts";
import { es } from "../src/strings/es.ts";
import { fr } from "../src/strings/fr.ts";
import { ja } from "../src/strings/ja.ts";

const codes = [...Object.keys(statusOf), ...Object.keys(modelFailureSentences)];

it.each(Object.entries({ de, es, fr, ja }))("in %s", (_name, { errors }) => {
  expect(codes.filter((code) => !errors[code])).toEqual([]);
});

it("a sentence of a reply's failure is known by its code, and its host's own words are not", () => {
  for (const [code, sentence] of Object.entries(modelFailureSentences)) {
    expect(modelFailureCodeOf(sentence)).toBe(code);
    const error = replyErrorOf(new Error(sentence));
    expect(error.body).toEqual({ code });
    expect(originalOf(error)).toBeUndefined();
  }
  expect(modelFailureCodeOf("toString")).toBeUndefined();
  expect(replyErrorOf(new Error("Our own words."))).toMatchObject({ code: "unavailable", body: undefined });
  const given = new ApiError("conflict", "So it is.", { status: 409 });
  expect(replyErrorOf(given)).toBe(given);
});
