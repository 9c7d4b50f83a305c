/** Empties a field once what was in it has arrived; what was typed meanwhile stays. */
export function clearSent(form: HTMLFormElement, name: string, sent: string): void {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement && field.value.trim() === sent) field.value = "";
}
