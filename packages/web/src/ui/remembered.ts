/** Small choices of this browser. One that keeps nothing is no reason to fail. */

export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(`chatkeep.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Forgets all whose names begin so. */
export function forgetRemembered(prefix: string): void {
  try {
    for (const name of Object.keys(localStorage))
      if (name.startsWith(`chatkeep.${prefix}`)) localStorage.removeItem(name);
  } catch {}
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`chatkeep.${name}`, value);
  } catch {}
}
