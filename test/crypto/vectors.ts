/** Reads vectors of test/vectors. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

/** Beside the sources, or from dist/, which holds compiled code alone, back in the repository. */
const PLACES = ["../vectors/", "../../../test/vectors/"].map((path) => new URL(path, import.meta.url));

/** The shape is the caller's claim: a vector file is ours, and a wrong claim shows as a failing test. */
export function readVectors<Vector>(name: string): Vector[] {
  const file = PLACES.map((place) => new URL(name, place)).find((candidate) => existsSync(candidate));
  assert.ok(file !== undefined, `test/vectors/${name} is missing`);
  return JSON.parse(readFileSync(file, "utf8")) as Vector[];
}
