/** Durations and sizes for people. */

/** "2d 3h", "1h 5m", "4m 7s", "12s", "0s": the two largest units. `milliseconds` >= 0. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts: readonly [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}

const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** "999", "12.3k", "4.56G": three digits, powers of 1000. */
export function formatCount(count: number): string {
  let value = count;
  let prefix = 0;
  while (value >= 999.5 && prefix < PREFIXES.length - 1) {
    value /= 1000;
    prefix++;
  }
  return prefix === 0 ? String(value) : `${value.toPrecision(3)}${PREFIXES[prefix] ?? ""}`;
}
