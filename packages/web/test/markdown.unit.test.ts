import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { Streamdown, type StreamdownProps } from "streamdown";
import { describe, expect, it } from "vitest";
import { plugins } from "../src/conversation/markdown/plugins.ts";
import { math } from "../src/conversation/math-plugin.ts";

function html(children: string, mode: NonNullable<StreamdownProps["mode"]> = "static"): string {
  const props = {
    ...plugins,
    mode,
    plugins: { math },
    controls: false,
    linkSafety: { enabled: false },
    children,
  } as const;
  const markup = renderToStaticMarkup(createElement(Streamdown, props));
  return markup.replaceAll(/<div[^>]*code-block-header.*?<\/div>/gs, "");
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#x27": "'", amp: "&" };
const textIn = (markup: string) =>
  markup.replaceAll(/<[^>]*>/g, "").replaceAll(/&([#\w]+);/g, (whole, name: string) => entities[name] ?? whole);
/** What a reader sees of the words. */
const wordsOf = (text: string, mode?: "streaming") =>
  textIn(html(text, mode).replaceAll(/<span class="katex">.*?<annotation.*?<\/annotation>.*?aria-hidden.*?/gs, ""));
/** The formulas that are set. */
const formulasIn = (text: string, mode?: "streaming") =>
  [...html(text, mode).matchAll(/<annotation[^>]*>(.*?)<\/annotation>/gs)].map(([, tex = ""]) => textIn(tex).trim());
const displaysIn = (text: string) => html(text).split('class="katex-display"').length - 1;
const codeIn = (text: string) =>
  [...html(text).matchAll(/<code[^>]*>(.*?)<\/code>/gs)].map(([, code = ""]) => textIn(code));

describe("angle brackets", () => {
  it.each([
    "Use Vec<String> and HashMap<K, Vec<V>>.",
    "Dear <your-name>,",
    "<your-name>",
    "Put <my-widget></my-widget> into the page.",
    "A <b>bold</b> word, H<sub>2</sub>O, press <kbd>Enter</kbd>.",
    "#include <iostream> and std::vector<std::string>, std::unique_ptr<std::int64_t>",
    "Promise<Array<string>> is <T extends object>(x: T) => T",
    "Write to Ann <ann@example.com>.",
    "if a<b and c>d, then <!-- a note --> and <?php echo 1 ?>",
    "- <div> is a block\n- <p> is a paragraph",
    "List<script> of <img src=x onerror=alert(1)> here",
    "<answer>forty-two</answer>",
    "git clone <url> <folder>",
    "x <- 5 and y <= 6 and <3",
    "</div>",
    "<CData> <![CDATA[raw]]> <!DOCTYPE html> inline",
  ])("are shown, all of them: %s", (text) => {
    const plain = (words: string) => words.replaceAll(/^- /gm, "").replaceAll(/\s+/g, " ").trim();
    for (const mode of [undefined, "streaming"] as const)
      expect(plain(wordsOf(text, mode)), mode ?? "static").toBe(plain(text));
  });

  it.each([
    ["<script>\nconst a = b * c * __proto__;\n\nalert(1);\n</script>"],
    ["<style>\n.a > .b { color: red }\n</style>"],
    ["<!DOCTYPE html>\n<html>\n  <body>\n    <p>_hello_</p>\n  </body>\n</html>"],
    ['<div class="a">\n  <my-widget></my-widget>\n</div>'],
    ["<!-- hidden -->"],
    ["<svg onload=alert(1)>\n<path/>\n</svg>"],
  ])("of markup that nobody fenced are shown as they are, and nothing runs: %s", (text) => {
    const markup = html(`Look:\n\n${text}\n\n**done**`);
    expect(textIn(markup).replaceAll(/\s+/g, "")).toContain(text.replaceAll(/\s+/g, ""));
    expect(markup).not.toMatch(/<(script|style|svg|my-widget|div class="a")/);
    expect(markup).toContain('data-streamdown="strong"');
  });

  it("are never lost while the text comes", () => {
    const text = "Use Vec<String>, `Map<K>` and <your-name> now. <think-tank> is a word";
    for (let end = 1; end <= text.length; end += 1) {
      const part = text.slice(0, end);
      expect(wordsOf(part, "streaming").replaceAll("`", "").trim()).toBe(part.replaceAll("`", "").trim());
    }
  });

  it("let pictures in, by address and in the text itself, and nothing that runs", () => {
    expect(html("![a](data:image/png;base64,eA==)")).toContain('src="data:image/png;base64,eA=="');
    expect(html("![a](https://example.com/a.png)")).toContain('src="https://example.com/a.png"');
    expect(html("![a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x)")).not.toMatch(
      /(src|href)="(javascript|data:text|vbscript)/,
    );
  });

  it("make an address a link, and a break in a table a break", () => {
    expect(html("<https://example.com/a>")).toContain('href="https://example.com/a"');
    expect(html("| a |\n|---|\n| one<br>two |")).toMatch(/one<br\/>\s*two/);
    expect(html("[x](javascript:alert(1)) <javascript:alert(1)>")).not.toContain('href="javascript');
  });
});

describe("mathematics", () => {
  it.each<[string, string[]]>([
    ["It is $x^2$ here.", ["x^2"]],
    ["It costs $5 and $10.", []],
    ["$5-$10, $5/$6, US$5 and A$7, $1,000.50 or 5$, $20 (or $30)", []],
    ["From $5M to $10M, and $x$ people", ["x"]],
    ["echo $HOME and $PATH:$USER", []],
    ["$2 \\times 3$ and $n$ and $10$", ["2 \\times 3", "n", "10"]],
    ["设$x$为正数", ["x"]],
    ["a \\$5 and \\$6 b", []],
    ["price \\$5, then $y_1$", ["y_1"]],
    ["inline \\(a_1 + b_1\\) there", ["a_1 + b_1"]],
    ["\\(f(x) = (x)\\)", ["f(x) = (x)"]],
    ["\\[a \\\\[4pt] b\\]", ["a \\\\[4pt] b"]],
    [
      "\\[\n\\begin{matrix} a & b \\\\\n- c & d \\end{matrix}\n\\]",
      ["\\begin{matrix} a & b \\\\\n- c & d \\end{matrix}"],
    ],
    ["$$x = 1$$", ["x = 1"]],
    ["$$\nx\n=\ny\n$$", ["x\n=\ny"]],
    ["$$x = 1\n+ 2$$", ["x = 1\n+ 2"]],
    [
      "$$\n\\begin{aligned}\na &= b \\\\[4pt]\n\n+ c\n\\end{aligned}\n$$",
      ["\\begin{aligned}\na &= b \\\\[4pt]\n\n+ c\n\\end{aligned}"],
    ],
    ["> $$\n> q\n> $$\n\n- item\n\n  \\[ r^2 \\]", ["q", "r^2"]],
    ["in words $$z$$ too", ["z"]],
    ["| $a$ | $5 | $6 |\n|---|---|---|\n| $b$ | \\(c\\) | x |", ["a", "b", "c"]],
    ["\\[1\\] and \\[TODO\\] and \\[a link\\](x)", []],
    ["**$p$** and *$q_1 * q_2 * q_3$*", ["p", "q_1 * q_2 * q_3"]],
    ["$a_1$ and $a_2$, _so_ $b_1$", ["a_1", "a_2", "b_1"]],
    ["$ x $ and $$ and $$$ and $", []],
    ["$$ is what he said, and more.", []],
    ["$$\nnever closed\n\nwords go on", []],
    ["The sum is\n$$s_1$$\nwhich ends.", ["s_1"]],
    ["$\\text{costs } \\$5$", ["\\text{costs } \\$5"]],
  ])("is set where it is meant: %s", (text, formulas) => {
    expect(formulasIn(text)).toEqual(formulas);
    expect(formulasIn(`A first line.\n\n${text}\n\nA last one.`)).toEqual(formulas);
  });

  it.each([
    ["$$x$$", 1],
    ["$$ x $$  ", 1],
    ["Then\n$$x$$\nand\n\\[y\\]\nend", 2],
    ["so $$x$$ is", 0],
    ["\\[x\\].", 1],
    ["$$x$$,\nand", 1],
    ["- $$x$$\n- \\[y\\]", 2],
    ["$x$", 0],
    ["\\(x\\)", 0],
  ])("is displayed when it has a line of its own: %s", (text, count) => {
    expect(displaysIn(text)).toBe(count);
  });

  it.each([
    "`$x^2$ \\(y\\) \\[4pt]`",
    "```tex\n\\[ a \\\\[4pt] b \\]\n$$x$$ $y$\n```",
    "~~~\n$$\nx\n$$\n~~~",
    "    \\[ indented \\]",
    "``a ` $b$ \\(c\\)``",
    "- ```\n  $x$ <b> ~5~\n  ```",
  ])("is not looked for in code: %s", (text) => {
    expect(formulasIn(text)).toEqual([]);
    const source = text.replaceAll(/^(- )?(```|~~~).*$|^\s*(```|~~~)$|^ {2,4}|^`+|`+$/gm, "");
    expect(codeIn(text).join("").replaceAll(/\s+/g, "")).toBe(source.replaceAll(/\s+/g, ""));
  });

  it("is set while the text comes, also over lines that look like a list", () => {
    expect(formulasIn("so $$a + b", "streaming")).toEqual(["a + b"]);
    expect(formulasIn("A\n\n\\[\n- x\n\n+ y\n\\]\n\nB", "streaming")).toEqual(["- x\n\n+ y"]);
  });
});

describe("words", () => {
  it.each(["~5 to ~10 people", "20~25 °C and 30~35 °C", "~/a and ~/b", "a ~b~ c"])(
    "keep a single tilde: %s",
    (text) => {
      expect(html(text)).not.toContain("<del");
      expect(wordsOf(text)).toBe(text);
      expect(wordsOf(text, "streaming")).toBe(text);
    },
  );

  it("are struck out between two", () => {
    expect(html("a ~~b~~ c")).toContain("<del>b</del>");
  });

  it.each([
    ["مرحبا بالعالم", /<p dir="rtl"/],
    ["- واحد\n- اثنان with English", /<ul[^>]*dir="rtl"/],
    ["1. שלום\n2. עולם", /<ol[^>]*dir="rtl"/],
    ["> اقتباس", /<blockquote[^>]*dir="rtl"/],
    ["| اسم | عدد |\n|---|---|\n| تفاح | 3 |", /<table[^>]*dir="rtl"/],
    ["## عنوان", /<h2[^>]*dir="rtl"/],
    ["React هي مكتبة لبناء واجهات المستخدم", /<p dir="rtl"/],
    ["Plain English", /<p dir="ltr"/],
    ["استخدم `const a = 1` هنا", /<code[^>]*dir="ltr"/],
  ])("run their own way: %s", (text, expected) => {
    for (const mode of ["static", "streaming"] as const) expect(html(text, mode)).toMatch(expected);
  });
});
