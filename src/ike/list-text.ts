/** Lists in sentences for an operator. */

/** Characters. How long a list is may be the peer's choice. */
const MAX_SHOWN = 400;

/** "a, b, c", and no more of it than a log should take. */
export function listText(parts: readonly string[], separator = ", "): string {
  const text = parts.join(separator);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
