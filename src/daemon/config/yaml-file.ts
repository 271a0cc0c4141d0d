/** YAML text as plain strings, lists and mappings, together with the line of each of them. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { ConfigError } from "./problems.ts";
import type { KeyPath } from "./problems.ts";

/** No scalar is read as a number or a boolean here: `0x01` may be a secret, `no` a word. */
export type YamlValue = string | readonly YamlValue[] | { readonly [key: string]: YamlValue };

const MAX_ALIASES = 100;

export class YamlFile {
  readonly file: string;
  readonly value: YamlValue;
  readonly #document: Document;
  readonly #lines: LineCounter;

  /** @throws ConfigError with every syntax error and duplicate key */
  constructor(file: string, text: string) {
    this.file = file;
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, { schema: "failsafe", lineCounter: this.#lines, prettyErrors: false });
    const { errors } = this.#document;
    if (errors.length > 0) {
      throw new ConfigError(
        file,
        errors.map(({ pos, message }) => ({ line: this.#lineAt(pos[0]), path: [], text: sentence(message) })),
      );
    }
    if (this.#document.contents === null) throw new ConfigError(file, [{ line: 1, path: [], text: "The file is empty." }]);
    try {
      // An alias bomb ("billion laughs") is refused by its count.
      this.value = this.#document.toJS({ maxAliasCount: MAX_ALIASES }) as YamlValue;
    } catch (error) {
      throw new ConfigError(file, [{ line: 1, path: [], text: sentence(error instanceof Error ? error.message : String(error)) }]);
    }
  }

  /** The line of the key at the end of `path`, or of the nearest thing above it that the file has. */
  lineOf(path: KeyPath): number {
    let node: unknown = this.#document.contents;
    let line = this.#lineOfNode(node);
    for (const key of path) {
      node = this.#resolve(node);
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
        if (pair === undefined) break;
        line = this.#lineOfNode(pair.key) ?? line;
        node = pair.value;
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(key)];
        line = this.#lineOfNode(item) ?? line;
        node = item;
      } else {
        break;
      }
    }
    return line ?? 1;
  }

  #resolve(node: unknown): unknown {
    const alias = node as { resolve?: (document: Document) => Node | undefined } | null;
    return typeof alias?.resolve === "function" ? alias.resolve(this.#document) : node;
  }

  #lineOfNode(node: unknown): number | undefined {
    const range = (node as Partial<Node> | null)?.range;
    return range === undefined || range === null ? undefined : this.#lineAt(range[0]);
  }

  #lineAt(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }
}

function sentence(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return /[.!]$/.test(line) ? line : `${line}.`;
}
