/** Times as people say them, in the language of the app and the time zone of the browser. */
import { language, t } from "../strings/index.ts";

const month = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });
const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });

/** Whole calendar days between a moment and now: 0 is today. */
function daysAgo(moment: Date, now = new Date()): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(now) - midnight(moment)) / 86_400_000);
}

const dayAndClock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** The day with its year, for what is far away. */
export function dateOf(iso: string): string {
  return date.format(new Date(iso));
}

/** The moment in few letters, for what is to come. */
export function shortFullTime(iso: string): string {
  return dayAndClock.format(new Date(iso));
}

export function fullTime(iso: string): string {
  return full.format(new Date(iso));
}

export function groupOf(iso: string): string {
  const moment = new Date(iso);
  const days = daysAgo(moment);
  if (days <= 0) return t.list.today;
  if (days === 1) return t.list.yesterday;
  if (days < 7) return t.list.week;
  return days < 30 ? t.list.month : month.format(moment);
}
