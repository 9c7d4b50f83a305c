/** The language of the app: as the person chose, or as the browser has it. Changing it loads the page anew. */
import { remember, remembered } from "../ui/remembered.ts";
import { de } from "./de.ts";
import { en, type Strings } from "./en.ts";

const languages: Record<string, Strings> = { en, de };

function chosen(): string {
  const wanted = [remembered("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase() ?? "");
  return wanted.find((tag) => tag in languages) ?? "en";
}

export const language = chosen();
export const t: Strings = languages[language] ?? en;
export const languageNames = Object.entries(languages).map(([tag, strings]) => ({ tag, name: strings.language }));

export function chooseLanguage(tag: string): void {
  remember("language", tag);
  location.reload();
}
