/** Small choices of this browser. One that keeps nothing is no reason to fail. */

export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(`chatkeep.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`chatkeep.${name}`, value);
  } catch {}
}
