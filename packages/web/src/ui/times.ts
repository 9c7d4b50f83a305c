/** Times as people say them, in the language and time zone of the browser. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** Whole calendar days between a moment and now: 0 is today. */
function daysAgo(moment: Date, now = new Date()): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(now) - midnight(moment)) / 86_400_000);
}

export function shortTime(iso: string): string {
  const moment = new Date(iso);
  const days = daysAgo(moment);
  if (days <= 0) return clock.format(moment);
  return days < 7 ? weekday.format(moment) : day.format(moment);
}

export function fullTime(iso: string): string {
  return full.format(new Date(iso));
}

export function groupOf(iso: string): string {
  const days = daysAgo(new Date(iso));
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "Previous 7 days";
  return days < 30 ? "Previous 30 days" : "Older";
}
