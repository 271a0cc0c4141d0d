import assert from "node:assert/strict";
import { test } from "node:test";
import { dueAfter, LAST_MESSAGE_ID } from "../../src/ike/message-ids.ts";

test("near the end of the message IDs a rekey is due, again and again, and at last the end of the IKE SA (§2.2)", () => {
  for (const id of [0, 1, 2 ** 31, LAST_MESSAGE_ID - 65_536]) assert.equal(dueAfter(id), undefined, String(id));
  const last = Array.from({ length: 65_536 }, (_, index) => dueAfter(LAST_MESSAGE_ID - 65_535 + index));
  assert.equal(last[0], "rekey");
  assert.equal(last.filter((due) => due === "rekey").length, 255);
  assert.deepEqual(
    last.slice(-256).filter((due) => due !== "close"),
    [],
    "the last of them are for the Delete",
  );
});
