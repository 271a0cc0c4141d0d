/** What can be wrong with a configuration: where, and in one sentence what and what would be right. */

/** The keys that lead to a value: mapping keys and list indices. */
export type KeyPath = readonly (string | number)[];

export interface Problem {
  /** 1-based line in the file. */
  readonly line: number;
  /** Empty for what concerns the file as a whole. */
  readonly path: KeyPath;
  readonly text: string;
}

/** All that is wrong with one file, in the order of its lines. `message` is one line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line);
    super(sorted.map((problem) => formatProblem(file, problem)).join("\n"));
    this.file = file;
    this.problems = sorted;
  }
}

/** `hawser.yaml:12: connections.west.children.net.local_ts: "10.0.0.0/33" is …` */
export function formatProblem(file: string, { line, path, text }: Problem): string {
  return `${file}:${line}: ${path.length === 0 ? "" : `${formatKeyPath(path)}: `}${text}`;
}

export function formatKeyPath(path: KeyPath): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${key}`)).join("");
}
