/** IDr in the request of IKE_AUTH (RFC 7296 §1.2, §3.5): the initiator says whom it wants, and the responder is that one or nobody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionConfig } from "../../src/ike/config.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { KeyUsageBit, root } from "../pki/support/authority.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { endpointConfig } from "./harness/configs.ts";
import { believes, byPsk, hostCertificate, signsAs } from "./harness/credentials.ts";
import { World } from "./harness/world.ts";

/** The right end is two: east.example in its first connection, west.example in its second. */
function twoFaced(remote: ConnectionConfig["remote"]): World {
  const [tunnel] = endpointConfig("right").connections;
  assert.ok(tunnel !== undefined);
  const connections = ["east", "west"].map((name) => ({ ...tunnel, name, local: byPsk(`${name}.example`) }));
  const world = new World({ left: { connection: { remote } }, right: { endpoint: { connections } } });
  world.initiate();
  return world;
}

test("the responder takes the connection whose identity is asked for, wherever it stands in the configuration", () => {
  for (const name of ["east", "west"]) {
    const world = twoFaced(byPsk(`${name}.example`));
    assert.match(world.settle()[2] ?? "", /IDr, AUTH/);
    assertAgreement(world);
    assert.equal(world.status(world.right).ikeSas[0]?.connection, name);
    assert.equal(eventsOf(world.left, "ikeUp")[0]?.remoteId, `${name}.example`);
  }
});

test("an identity that the responder has not: AUTHENTICATION_FAILED, and its operator is told which was asked for", () => {
  const world = twoFaced(byPsk("north.example"));
  assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
  assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /left\.example.*north\.example/);
  assert.deepEqual(ikeStates(world), { left: [], right: [] });
});

test("whoever asks for nobody in particular gets the first", () => {
  const world = twoFaced({ auth: "psk", id: "%any" });
  assert.doesNotMatch(world.settle()[2] ?? "", /IDr/);
  assertAgreement(world);
  assert.equal(eventsOf(world.left, "ikeUp")[0]?.remoteId, "east.example");
});

test("the type of an identity counts: a host name is not a key identifier of the same octets", () => {
  const world = twoFaced({ auth: "psk", id: parseIdentity("keyid:west.example") });
  assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
});

test("every identity of the responder's certificate may be asked for, and is the one that it answers with", () => {
  const authority = root("O=Hawser, CN=authority", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
  const anchors = [authority.certificate];
  const right = hostCertificate(authority, "right.example", { dns: ["right.example", "east.example"] });
  const local = signsAs("right.example", right);
  for (const [asked, isOurs] of [
    ["east.example", true],
    ["O=Hawser, CN=right.example", true],
    ["north.example", false],
  ] as const) {
    const world = new World({
      left: { connection: { local: byPsk("left.example"), remote: believes(asked, { anchors }) } },
      right: { connection: { local, remote: byPsk("left.example") } },
    });
    world.initiate();
    world.settle();
    assert.equal(ikeStates(world).left.length, isOurs ? 1 : 0, asked);
    if (!isOurs) continue;
    assertAgreement(world);
    assert.equal(world.status(world.right).ikeSas[0]?.localId, asked);
    assert.equal(world.status(world.left).ikeSas[0]?.remoteId, asked);
  }
});
