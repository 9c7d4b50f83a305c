import { afterEach, expect, it, vi } from "vitest";
import { print } from "../src/cli-print.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("prints what JSON.stringify would, in pieces", () => {
  const values = [
    null,
    7,
    "a\nb",
    [],
    {},
    [1, { a: [2] }],
    { a: undefined, b: null, c: [], d: {}, e: new Date(0) },
    { list: Array.from({ length: 3_000 }, (_, index) => ({ index, text: "line\nline", of: [index] })), end: true },
    { list: [undefined, "x", null, [[]]], "odd key\n": { deep: { deeper: [1] } } },
  ];
  for (const value of values) {
    const written: string[] = [];
    const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
    print(value);
    spy.mockRestore();
    expect(written.join("")).toBe(`${JSON.stringify(value, null, 2)}\n`);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(100_000);
  }
});
