import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../../src/crypto/algorithms/nearest.ts";

const NAMES = ["x25519", "x448", "modp2048", "modp3072"];

test("a wrong, a missing, an added and two swapped characters are recognised", () => {
  assert.equal(nearest("x25529", NAMES), "x25519");
  assert.equal(nearest("x2551", NAMES), "x25519");
  assert.equal(nearest("modp20448", NAMES), "modp2048");
  assert.equal(nearest("x52519", NAMES), "x25519");
});

test("the earlier of equally near candidates is meant, and none that is far", () => {
  assert.equal(nearest("b", ["a", "c"]), "a");
  assert.equal(nearest("serpent", NAMES), undefined);
  assert.equal(nearest("x25519", []), undefined);
});
