import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestWord } from "../../../src/daemon/config/nearest.ts";

const KEYS = ["local_ts", "remote_ts", "esp_proposals", "rekey_time", "life_time", "start_action", "id"];

test("a slip finds the key that was meant", () => {
  assert.equal(nearestWord("locl_ts", KEYS), "local_ts");
  assert.equal(nearestWord("localTs", KEYS), "local_ts");
  assert.equal(nearestWord("esp-proposal", KEYS), "esp_proposals");
  assert.equal(nearestWord("rekeytime", KEYS), "rekey_time");
  assert.equal(nearestWord("startaction", KEYS), "start_action");
});

test("another word finds nothing", () => {
  assert.equal(nearestWord("colour", KEYS), undefined);
  assert.equal(nearestWord("xy", KEYS), undefined);
  assert.equal(nearestWord("anything", []), undefined);
});
