import assert from "node:assert/strict";
import { test } from "node:test";
import { Responder } from "../../bench/setup.ts";

test("the responder whose handshakes are counted has all its initiators at once: no limit is about as many of them", () => {
  const responder = new Responder();
  let milliseconds = 0;
  for (let count = 0; count < 20; count++) milliseconds += responder.answer();
  assert.ok(milliseconds > 0);
});
