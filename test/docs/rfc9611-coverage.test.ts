/** docs/rfc9611-coverage.md names tests as proof: they must exist. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// Sources and the page lie in the root of the project, wherever this is run from.
const ROOT = new URL(import.meta.url.includes("/dist/") ? "../../../" : "../../", import.meta.url);
const PAGE = readFileSync(new URL("docs/rfc9611-coverage.md", ROOT), "utf8");

const REFERENCE = /`(test\/[\w./-]+\.test\.ts): ([^`]+)`/g;
/** Of `test("…")`, `it("…")` and their like with the other quotes. */
const TITLE = /\b(?:test|it)\(\s*(?:"([^"]+)"|`([^`]+)`|'([^']+)')/g;

/** Without the titles of the tables and the rules below them. */
const rows = PAGE.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:the RFC says|-)/.test(line));

/** A title with its variable parts as the page writes them. */
const plain = (title: string): string => title.replace(/\$\{[^}]*\}/g, "…");

function titlesIn(file: string): Set<string> {
  const source = readFileSync(new URL(file, ROOT), "utf8");
  return new Set([...source.matchAll(TITLE)].map(([, double, template, single]) => plain(double ?? template ?? single ?? "")));
}

test("every test that the page names exists", () => {
  const references = [...PAGE.matchAll(REFERENCE)];
  assert.ok(references.length >= 20, "the page names its tests");
  for (const [, file = "", title = ""] of references) assert.ok(titlesIn(file).has(title), `${file} has no test "${title}"`);
});

test("every row names a test, or says in words what is not done or not needed", () => {
  assert.ok(rows.length >= 25);
  for (const row of rows) {
    const isProved = /`test\//.test(row.split(" | ").at(-1) ?? "");
    assert.ok(isProved || /not (done|needed)/i.test(row), row);
  }
});
