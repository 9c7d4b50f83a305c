/** The language of the app: as the person chose, or as the browser has it. Changing it loads the page anew. */
import { remember, remembered } from "../ui/remembered.ts";
import { en, type Strings } from "./en.ts";

/** Each under its own name; all but English are loaded when they are wanted. */
const languages: Record<string, { name: string; load: () => Strings | Promise<Strings> }> = {
  en: { name: "English", load: () => en },
  de: { name: "Deutsch", load: () => import("./de.ts").then(({ de }) => de) },
  es: { name: "Español", load: () => import("./es.ts").then(({ es }) => es) },
  fr: { name: "Français", load: () => import("./fr.ts").then(({ fr }) => fr) },
  ja: { name: "日本語", load: () => import("./ja.ts").then(({ ja }) => ja) },
};

function chosen(): string {
  const wanted = [remembered("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase() ?? "");
  return wanted.find((tag) => tag in languages) ?? "en";
}

export const language = chosen();
export const t: Strings = (await languages[language]?.load()) ?? en;
export const languageNames = Object.entries(languages).map(([tag, { name }]) => ({ tag, name }));

export function chooseLanguage(tag: string): void {
  remember("language", tag);
  location.reload();
}
