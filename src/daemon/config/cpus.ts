/** Which CPUs get a data-plane worker. */
import { InvalidText } from "../../wire/errors.ts";

export type CpuChoice =
  | { readonly kind: "all" }
  /** So many workers, on the first allowed CPUs; beyond their number workers share CPUs. */
  | { readonly kind: "count"; readonly count: number }
  /** Numbers of the operating system. */
  | { readonly kind: "list"; readonly cpus: readonly number[] };

/** Workers beyond this are refused: the hand-off rings of N workers know each other. */
export const MAX_WORKERS = 256;

/** "all", "4", "0-3,6", or a list of one CPU as "2-2" or "2,". */
export function parseCpuChoice(text: string): CpuChoice {
  if (text === "all") return { kind: "all" };
  if (/^\d{1,4}$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > MAX_WORKERS) throw new InvalidText(`${count} workers cannot be started; use 1 to ${MAX_WORKERS}.`);
    return { kind: "count", count };
  }
  const cpus = text
    .replace(/,$/, "")
    .split(",")
    .flatMap((part) => parseCpuRange(part.trim(), text));
  if (cpus.length > MAX_WORKERS) throw new InvalidText(`"${text}" names ${cpus.length} CPUs; at most ${MAX_WORKERS} can be used.`);
  if (new Set(cpus).size !== cpus.length) throw new InvalidText(`"${text}" names a CPU twice.`);
  return { kind: "list", cpus };
}

function parseCpuRange(part: string, text: string): number[] {
  const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!(first <= last)) throw new InvalidText(`"${text}" is not "all", a number of CPUs, or a list of CPUs such as 0-3,6.`);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/**
 * The CPU for each worker.
 *
 * @param allowed CPUs that the process may run on, in ascending order
 * @throws InvalidText when a CPU was named that the process may not use
 */
export function assignCpus(choice: CpuChoice, allowed: readonly number[]): number[] {
  switch (choice.kind) {
    case "all":
      return allowed.slice(0, MAX_WORKERS);
    case "count":
      return Array.from({ length: choice.count }, (_, i) => allowed[i % allowed.length] ?? 0);
    case "list": {
      const absent = choice.cpus.filter((cpu) => !allowed.includes(cpu));
      if (absent.length > 0) {
        throw new InvalidText(
          `daemon.cpus names CPU ${absent.join(", ")}, but this process may only run on ${allowed.join(", ")}; name some of these, or use "all".`,
        );
      }
      return [...choice.cpus];
    }
  }
}
