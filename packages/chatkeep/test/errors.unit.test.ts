/** Errors of a program that has this library twice, as bundlers make it. */
import { ChatkeepError, ConflictError, NotFoundError } from "chatkeep";
import { expect, it } from "vitest";

const other = "../src/errors.ts?another-copy";

it("an error of another copy of the library is of the same class, and of no other", async () => {
  const copy = (await import(other)) as typeof import("../src/errors.ts");
  expect(copy.NotFoundError).not.toBe(NotFoundError);
  const error: unknown = new copy.NotFoundError("conversation", "1");
  expect([ChatkeepError, NotFoundError, ConflictError].map((kind) => error instanceof kind)).toEqual([
    true,
    true,
    false,
  ]);
  expect(Object.keys(error as object)).toEqual(["code", "details", "name"]);
});

it("a class of a host that extends one of them has only its own errors", () => {
  class Quota extends ConflictError {}
  expect(new Quota("full")).toBeInstanceOf(Quota);
  expect(new Quota("full")).toBeInstanceOf(ConflictError);
  expect(new ConflictError("full")).not.toBeInstanceOf(Quota);
});

it.each([undefined, null, "x", new Error("x"), { code: "not_found" }])("%s is none of them", (value) => {
  expect((value as unknown) instanceof ChatkeepError).toBe(false);
  expect((value as unknown) instanceof NotFoundError).toBe(false);
});
