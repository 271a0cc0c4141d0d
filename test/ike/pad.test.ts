import assert from "node:assert/strict";
import { test } from "node:test";
import type { SharedSecret } from "../../src/ike/config.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { admission, findSecret } from "../../src/ike/pad.ts";
import { endpointConfig } from "./harness/configs.ts";

const [us, peer, other] = [parseIdentity("us.example"), parseIdentity("peer.example"), parseIdentity("other.example")];
const secret = (name: string, ...ids: SharedSecret["ids"]): SharedSecret => ({ name, ids, secret: new Uint8Array(1) });

test("the secret that names most wins", () => {
  const all = [secret("anybody"), secret("us", us), secret("peer", peer), secret("both", us, peer), secret("others", us, other)];
  const found = (without: string[]): string | undefined =>
    findSecret(
      all.filter(({ name }) => !without.includes(name)),
      us,
      peer,
    )?.name;
  assert.equal(found([]), "both");
  assert.equal(found(["both"]), "peer");
  assert.equal(found(["both", "peer"]), "us");
  assert.equal(found(["both", "peer", "us"]), "anybody");
  assert.equal(found(["both", "peer", "us", "anybody"]), undefined, "a secret of us and another is not the peer's");
});

test("the first of equals is taken", () => {
  assert.equal(findSecret([secret("one", peer), secret("two", peer)], us, peer)?.name, "one");
});

test("a connection admits the peer that it names, whoever it asks for", () => {
  const [connection] = endpointConfig("left").connections;
  assert.ok(connection !== undefined);
  const right = parseIdentity("right.example");
  assert.equal(admission(connection, right, undefined), "named");
  assert.equal(admission(connection, right, parseIdentity("left.example")), "named");
  assert.equal(admission(connection, right, other), undefined, "it asks for another than us");
  assert.equal(admission(connection, other, undefined), undefined);
  assert.equal(admission({ ...connection, remote: { auth: "psk", id: "%any" } }, other, undefined), "any");
});
