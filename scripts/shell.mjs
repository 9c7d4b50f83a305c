// Programs by their name: on Windows npm and what it installs are scripts, which only its shell starts, and that takes one line.

export const shell = process.platform === "win32";

/** A word as that line needs it; elsewhere, where no shell reads it, as it is. */
export function quoted(word, isWindows = shell) {
  if (!isWindows || /^[\w./:=@,+\\-]+$/.test(word)) return word;
  return `"${word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
