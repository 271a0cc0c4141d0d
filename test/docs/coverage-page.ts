/** A page of docs/ that names tests as proof: what stands in it, and whether the tests exist. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// Sources and the pages lie in the root of the project, wherever this is run from.
const ROOT = new URL(import.meta.url.includes("/dist/") ? "../../../" : "../../", import.meta.url);

const REFERENCE = /`(test\/[\w./-]+\.test\.ts): ([^`]+)`/g;
/** Of `test("…")`, `it("…")` and their like with the other quotes. */
const TITLE = /\b(?:test|it|withPlane)\(\s*(?:"([^"]+)"|`([^`]+)`|'([^']+)')/g;

export class CoveragePage {
  readonly #text: string;

  constructor(file: string) {
    this.#text = readFileSync(new URL(file, ROOT), "utf8");
  }

  assertTestsExist(atLeast: number): void {
    const references = [...this.#text.matchAll(REFERENCE)];
    assert.ok(references.length >= atLeast, "the page names its tests");
    const missing = references.filter(([, file = "", title = ""]) => !titlesIn(file).has(title)).map(([reference]) => reference);
    assert.deepEqual(missing, []);
  }

  /** Or says in words what is not done or not needed. */
  assertEveryRowIsProved(atLeast: number): void {
    // Without the titles of the tables and the rules below them.
    const rows = this.#text.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:the RFC says|-)/.test(line));
    assert.ok(rows.length >= atLeast);
    for (const row of rows) assert.ok(/`test\//.test(row.split(" | ").at(-1) ?? "") || /not (done|needed)/i.test(row), row);
  }
}

/** A title with its variable parts as the pages write them. */
const plain = (title: string): string => title.replace(/\$\{[^}]*\}/g, "…");

const known = new Map<string, Set<string>>();

function titlesIn(file: string): Set<string> {
  let titles = known.get(file);
  if (titles === undefined) {
    const source = readFileSync(new URL(file, ROOT), "utf8");
    titles = new Set([...source.matchAll(TITLE)].map(([, double, template, single]) => plain(double ?? template ?? single ?? "")));
    known.set(file, titles);
  }
  return titles;
}
