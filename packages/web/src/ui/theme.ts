/** Light or dark: as the system has it, or as the person chose. */
import { remember, remembered } from "./remembered.ts";

export type Theme = "system" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function currentTheme(): Theme {
  const kept = remembered("theme");
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function chooseTheme(theme: Theme): void {
  remember("theme", theme);
  showTheme();
}

export function showTheme(): void {
  const theme = currentTheme();
  const shown = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  document.documentElement.style.colorScheme = shown;
}

dark.addEventListener("change", showTheme);
