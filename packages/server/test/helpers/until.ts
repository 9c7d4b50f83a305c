/** Reads again and again until what was read is as wanted, and gives it; a test that waits for a time instead fails on a slow machine. */
export async function until<Value>(
  read: () => Value | Promise<Value>,
  wanted: (value: Value) => boolean,
): Promise<Value> {
  for (let tries = 0; tries < 400; tries += 1) {
    const value = await read();
    if (wanted(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain: ${JSON.stringify(await read())}`);
}
