/** What programs read. */
export function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
