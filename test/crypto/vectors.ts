/** Reads vectors of test/vectors. */
import { readFileSync } from "node:fs";

/** The shape is the caller's claim: a vector file is ours, and a wrong claim shows as a failing test. */
export function readVectors<Vector>(name: string): Vector[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8")) as Vector[];
}
