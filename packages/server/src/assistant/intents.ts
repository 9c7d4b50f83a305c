/** What the offline assistant understands: a tool to call, or something to say from the conversation. */

export interface ToolCall {
  tool: string;
  input: Record<string, unknown>;
}

/** A question as the assistant sees it: the words of the user so far, the newest last. */
export type Questions = readonly string[];

const introduction = `I am chatkeep's **offline assistant**: no AI model, just a few rules, so that you can try everything without a key. I can

- keep your tasks: “add buy milk”, “what is on my list”, “done with the milk”, “rename milk to oat milk”, “delete the milk”
- answer from this conversation: “what did I ask first?”, “what did I say about bread?”, “what is my name?”, “recap”

To talk with a real model, set \`CHATKEEP_MODEL\` and start again.`;

const maxCommand = 500;

type Rule = [pattern: RegExp, tool: string, input: (words: string[]) => Record<string, unknown>];

const rules: Rule[] = [
  [
    /^(?:what(?:'s| is| do i have)?|show|list|see|read|tell me)\b.*\b(?:done|completed|finished)\b.*(?:tasks?|list|todos?)?$/is,
    "listTasks",
    () => ({ completed: true }),
  ],
  [
    /^(?:what(?:'s| is| are| do i have)|show|list|see|read|tell me)\b.*\b(?:list|tasks?|to-?dos?)\b/is,
    "listTasks",
    () => ({}),
  ],
  [/^(?:list|tasks|my tasks|my list|todos?)$/is, "listTasks", () => ({})],
  [
    /^(?:add|create)(?: (?:a|the))?(?: new)?(?: (?:task|todo))?:? (.+?)(?: (?:to|on)(?: my| the)? (?:list|tasks?|to-?do list))?$/is,
    "addTask",
    ([title]) => ({ title }),
  ],
  [/^(?:remind me|remember) to (.+)$/is, "addTask", ([title]) => ({ title })],
  [/^(?:rename|change) (.+?) (?:to|into) (.+)$/is, "renameTask", ([task, title]) => ({ task, title })],
  [/^(?:delete|remove) (.+?)(?: from(?: my| the)? list)?$/is, "deleteTask", ([task]) => ({ task })],
  [/^(?:i(?:'m| am)? )?(?:done|finished|ready) (?:with )?(.+)$/is, "completeTask", ([task]) => ({ task })],
  [
    /^(?:mark|tick|check)(?: off)? (.+?)(?: (?:as )?(?:done|completed|off))?$/is,
    "completeTask",
    ([task]) => ({ task }),
  ],
  [/^(?:complete|finish) (.+)$/is, "completeTask", ([task]) => ({ task })],
  [/^(.+?) (?:is|are) (?:done|finished)$/is, "completeTask", ([task]) => ({ task })],
  // What the start page suggests in other languages.
  [/^was (?:steht|ist) auf (?:meiner|der) liste$/is, "listTasks", () => ({})],
  [/^(?:setze?|schreibe?) [„“"»]?(.+?)[“”"«]? auf (?:meine|die) liste$/is, "addTask", ([title]) => ({ title })],
  [/^¿?qué hay en mi lista$/is, "listTasks", () => ({})],
  [/^añade [«“"]?(.+?)[»”"]? a mi lista$/is, "addTask", ([title]) => ({ title })],
  [/^que contient ma liste$/is, "listTasks", () => ({})],
  [/^ajoute[zr]? (?:« ?)?(.+?)(?: ?»)? à ma liste$/is, "addTask", ([title]) => ({ title })],
  [/^リストには何がありますか$/is, "listTasks", () => ({})],
  [/^「?(.+?)」?をリストに追加して(?:ください)?$/is, "addTask", ([title]) => ({ title })],
];

/** The tool that the words ask for, if they ask for one. What is named keeps its capitals. */
export function toolFor(words: string): ToolCall | undefined {
  if (words.length > maxCommand * 2) return undefined;
  const asked = withoutEnd(beginningOf(words).replace(/^(?:please|can you|could you|hey|ok|okay)[, ]+/i, ""));
  for (const [pattern, tool, input] of rules) {
    const match = pattern.exec(asked);
    if (match) return { tool, input: input(match.slice(1)) };
  }
  return undefined;
}

type Recollection = [pattern: RegExp, answer: (earlier: Questions, about: string) => string];

const recollections: Recollection[] = [
  [
    /what (?:did|was).*\b(?:first)\b|first (?:question|message)|how did (?:i|we) (?:begin|start)/i,
    (earlier) => quote("You began with", earlier[0]),
  ],
  [
    /what (?:did|was).*\b(?:last|before|previous|just)\b|(?:last|previous) (?:question|message)/i,
    (earlier) => quote("Before this you said", earlier.at(-1)),
  ],
  [
    /how many (?:questions|messages|times)/i,
    (earlier) => `This is message ${earlier.length + 1} from you in this conversation.`,
  ],
  [/what(?:'s| is) my name|who am i|do you know my name/i, (earlier) => whoAmI(earlier)],
  [/what did i (?:say|tell you|ask|write) about (.+)/i, (earlier, about) => aboutThat(earlier, about)],
  [/\b(?:recap|summar\w+|what did we talk about|what have i asked)\b/i, (earlier) => recap(earlier)],
  [/^(?:hi|hello|hey|good (?:morning|day|evening))\b/i, () => `Hello! ${introduction}`],
  [
    /^¿?(?:help|who are you|what are you|what can you do|hilfe|wer bist du|was kannst du|qué puedes hacer|que savez-vous faire|何ができますか)/i,
    () => introduction,
  ],
  [/^(?:thanks|thank you)/i, () => "You are welcome."],
];

/** What to say when no tool is asked for. */
export function reply(questions: Questions): string {
  const asked = beginningOf(questions.at(-1) ?? "");
  const earlier = questions.slice(0, -1);
  for (const [pattern, answer] of recollections) {
    const match = pattern.exec(asked);
    if (match) return answer(earlier, withoutEnd(match[1] ?? ""));
  }
  const name = /my name is ([\p{L}'-]+)/iu.exec(asked)?.[1];
  if (name) return `Nice to meet you, ${name}. I will find that again in this conversation: ask me “what is my name?”.`;
  const begun = earlier[0]
    ? ` You began with ${inQuotes(earlier[0])}, and this is message ${earlier.length + 1} from you.`
    : "";
  return `I have kept what you said, but I cannot answer it.${begun}\n\n${introduction}`;
}

/** What the rules look at, with single spaces: some of them would take for ever on more. */
function beginningOf(words: string): string {
  const some = words.slice(0, maxCommand * 2).split(/\s/);
  return some.filter(Boolean).join(" ").slice(0, maxCommand);
}

function withoutEnd(words: string): string {
  let end = words.length;
  while (end > 0 && ".!? 。！？".includes(words[end - 1] ?? "")) end -= 1;
  return words.slice(0, end);
}

function quote(lead: string, question: string | undefined): string {
  return question ? `${lead}: ${inQuotes(question)}` : "This is the first thing that you have said here.";
}

function inQuotes(question: string): string {
  const line = beginningOf(question);
  return `“${line.length > 200 ? `${line.slice(0, 200)}…` : line}”`;
}

function whoAmI(earlier: Questions): string {
  for (const question of [...earlier].reverse()) {
    const name = /(?:my name is|call me|i am called) ([\p{L}'-]+)/iu.exec(beginningOf(question))?.[1];
    if (name) return `You are ${name}: you told me earlier in this conversation.`;
  }
  return "You have not told me your name in this conversation. Say “my name is …”.";
}

function aboutThat(earlier: Questions, about: string): string {
  const found = earlier.filter((question) => question.toLowerCase().includes(about.toLowerCase()));
  if (found.length === 0) return `I find nothing about ${inQuotes(about)} in this conversation.`;
  return `You said:\n\n${found.map((question) => `- ${inQuotes(question)}`).join("\n")}`;
}

function recap(earlier: Questions): string {
  if (earlier.length === 0) return "There is nothing before this yet.";
  return `So far you said:\n\n${earlier.map((question, index) => `${index + 1}. ${inQuotes(question)}`).join("\n")}`;
}
