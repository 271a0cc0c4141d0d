/** Post-quantum preshared keys (RFC 8784) between two endpoints: both have it, one has it, they differ, and it must be or may be used. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionConfig, Ppk } from "../../src/ike/config.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { notify } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { KeyUsageBit, root } from "../pki/support/authority.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { ikeProposals } from "./harness/configs.ts";
import { believes, hostCertificate, signsAs } from "./harness/credentials.ts";
import { forgerIn } from "./harness/forger.ts";
import { World, type Host } from "./harness/world.ts";

const ppk = (required = false, name = "qkd-1", secret = "thirty-two octets that nobody has"): Ppk => ({
  id: parseIdentity(name),
  secret: new TextEncoder().encode(secret),
  required,
});

function worldOf(left: Ppk | undefined, right: Ppk | undefined, both: Partial<ConnectionConfig> = {}): World {
  return new World({ left: { connection: { ...both, ppk: left } }, right: { connection: { ...both, ppk: right } } });
}

function initiated(world: World): string[] {
  world.initiate();
  return world.settle();
}

const notifiesIn = (line: string | undefined): string[] => [...(line ?? "").matchAll(/N\((\w*PPK\w*)\)/g)].map(([, name = ""]) => name);

const remoteAuth = (world: World, host: Host): string | undefined => world.status(host).ikeSas[0]?.remoteAuth;

const failure = (host: Host): string => eventsOf(host, "authFailed")[0]?.text ?? "";

function assertUsed(world: World): void {
  assertAgreement(world);
  assert.equal(world.pass(world.left, 0), undefined);
  assert.equal(world.pass(world.right, 0), undefined);
  for (const host of world.hosts) assert.match(remoteAuth(world, host) ?? "", / and the PPK "qkd-1"$/);
}

describe("a PPK that both ends have", () => {
  for (const [left, right] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ] as const) {
    test(`is used: required by the initiator: ${String(left)}, by the responder: ${String(right)}`, () => {
      const world = worldOf(ppk(left), ppk(right));
      const ladder = initiated(world);
      assert.deepEqual(ladder.map(notifiesIn), [
        ["USE_PPK"],
        ["USE_PPK"],
        left ? ["PPK_IDENTITY"] : ["PPK_IDENTITY", "NO_PPK_AUTH"],
        ["PPK_IDENTITY"],
      ]);
      assertUsed(world);
    });
  }

  test("is used with signatures as well, beside a NO_PPK_AUTH that is one", () => {
    const authority = root("O=Hawser, CN=authority", { keyUsage: [KeyUsageBit.keyCertSign] });
    const anchors = [authority.certificate];
    const end = (own: string, other: string, secret: Ppk | undefined): Partial<ConnectionConfig> => ({
      local: signsAs(own, hostCertificate(authority, own)),
      remote: believes(other, { anchors }),
      ppk: secret,
    });
    for (const [right, isUsed] of [
      [ppk(), true],
      [ppk(false, "qkd-2"), false],
    ] as const) {
      const world = new World({
        left: { connection: end("left.example", "right.example", ppk()) },
        right: { connection: end("right.example", "left.example", right) },
      });
      initiated(world);
      assertAgreement(world);
      assert.equal(/ and the PPK/.test(remoteAuth(world, world.right) ?? ""), isUsed);
    }
  });

  test("goes in after the additional key exchanges of IKE_INTERMEDIATE", () => {
    const proposals = ikeProposals("aes256gcm16-prfsha384-x25519-ke1_mlkem768");
    const world = worldOf(ppk(true), ppk(true), { proposals });
    const ladder = initiated(world);
    assert.match(ladder[2] ?? "", /^IKE_INTERMEDIATE/);
    assertUsed(world);
  });

  test("is in the keys of the Child SAs: with the same nonces and secrets but another PPK they are others", () => {
    const keyOf = (secret: string): string | undefined => {
      const world = worldOf(ppk(true, "qkd-1", secret), ppk(true, "qkd-1", secret));
      initiated(world);
      return [...world.left.dataPlane.outbound.values()][0]?.key;
    };
    assert.ok(keyOf("one") !== undefined);
    assert.equal(keyOf("one"), keyOf("one"));
    assert.notEqual(keyOf("one"), keyOf("another"));
  });

  test("lives on in the keys after a rekey, of which it is no part (§3)", () => {
    const world = worldOf(ppk(true), ppk(true));
    initiated(world);
    world.rekeyIke(world.right);
    const ladder = world.settle();
    assert.deepEqual(ladder.flatMap(notifiesIn), []);
    world.rekeyChild(world.left);
    world.settle();
    assertUsed(world);
  });
});

describe("a PPK that one end has", () => {
  test("is left alone when it is optional", () => {
    for (const [left, right] of [
      [ppk(), undefined],
      [undefined, ppk()],
    ] as const) {
      const world = worldOf(left, right);
      const ladder = initiated(world);
      assert.deepEqual(ladder.slice(2).flatMap(notifiesIn), []);
      assertAgreement(world);
      const owner = left === undefined ? world.right : world.left;
      assert.match(remoteAuth(world, owner) ?? "", /, without the PPK "qkd-1": the peer (has no PPK|uses none)$/);
    }
  });

  test("and requires as initiator: it does not go on to IKE_AUTH", () => {
    const world = worldOf(ppk(true), undefined);
    assert.equal(initiated(world).length, 2);
    world.advance(4000);
    assert.deepEqual(ikeStates(world).left, []);
    const [event] = eventsOf(world.left, "connectionFailed");
    assert.equal(event?.text, 'The peer has no PPK, but tunnel requires the PPK "qkd-1" (ppk_required).');
  });

  test("and requires as responder: AUTHENTICATION_FAILED, and no more than that", () => {
    const world = worldOf(undefined, ppk(true));
    assert.equal(initiated(world).at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
    assert.equal(failure(world.right), 'The peer uses no PPK, but tunnel requires the PPK "qkd-1" (ppk_required).');
  });
});

describe("a PPK that is not the same at both ends", () => {
  test("under one name: authentication fails, even where it is optional, and both operators are told of the PPK", () => {
    for (const required of [false, true]) {
      const world = worldOf(ppk(required), ppk(required, "qkd-1", "something else"));
      assert.equal(initiated(world).at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
      assert.match(failure(world.right), /is not the same at both ends\. Or the PPK "qkd-1" is not the same at both ends\.$/);
      assert.match(failure(world.left), /AUTHENTICATION_FAILED\. .*\. Perhaps the PPK "qkd-1" is another one there, or unknown\.$/);
    }
  });

  test("under two names: without it, where both may go without", () => {
    const world = worldOf(ppk(), ppk(false, "qkd-2"));
    assert.deepEqual(initiated(world).map(notifiesIn).slice(2), [["PPK_IDENTITY", "NO_PPK_AUTH"], []]);
    assertAgreement(world);
    assert.match(remoteAuth(world, world.left) ?? "", /, without the PPK "qkd-1": the peer has none of that name$/);
    assert.match(remoteAuth(world, world.right) ?? "", /, without a PPK: the peer has the PPK "qkd-1", tunnel has the PPK "qkd-2"$/);
  });

  for (const [left, right, why] of [
    [true, false, 'The peer requires the PPK "qkd-1", but tunnel has the PPK "qkd-2".'],
    [false, true, 'The peer uses the PPK "qkd-1", but tunnel has the PPK "qkd-2" and requires it (ppk_required).'],
  ] as const) {
    test(`under two names: not at all, where the ${left ? "initiator" : "responder"} requires its own`, () => {
      const world = worldOf(ppk(left), ppk(right, "qkd-2"));
      assert.equal(initiated(world).at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
      assert.equal(failure(world.right), why);
    });
  }
});

/** The answer to IKE_AUTH of a left end with a PPK, with other payloads than it has sent. */
function authenticateWith(world: World, change: (payloads: readonly Payload[]) => readonly Payload[]): string {
  const forger = forgerIn(world);
  world.initiate();
  world.deliver();
  world.deliver();
  const request = world.hold();
  const payloads = change(world.reader.payloads(request.octets));
  world.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
  const [answer] = world.wire;
  assert.ok(answer !== undefined);
  return world.describe(answer);
}

describe("a responder with an optional PPK", () => {
  const identityAs =
    (...data: number[]) =>
    (payloads: readonly Payload[]): readonly Payload[] =>
      payloads.map((payload) =>
        payload.type === "NOTIFY" && payload.notifyType === NotifyType.PPK_IDENTITY
          ? notify(NotifyType.PPK_IDENTITY, Uint8Array.from(data))
          : payload,
      );

  test("takes NO_PPK_AUTH with a name of the type PPK_ID_OPAQUE", () => {
    const world = worldOf(ppk(), ppk());
    assert.match(authenticateWith(world, identityAs(1, 0x71)), /^<-- IKE_AUTH 1 R \{ IDr, AUTH/);
    assert.match(remoteAuth(world, world.right) ?? "", /the peer has a PPK whose name is opaque/);
  });

  test("refuses a PPK_IDENTITY without a name: INVALID_SYNTAX", () => {
    assert.equal(authenticateWith(worldOf(ppk(), ppk()), identityAs(2)), "<-- IKE_AUTH 1 R { N(INVALID_SYNTAX) }");
  });

  test("does not take a wrong NO_PPK_AUTH", () => {
    const answer = authenticateWith(worldOf(ppk(), ppk(false, "qkd-2")), (payloads) =>
      payloads.map((payload) =>
        payload.type === "NOTIFY" && payload.notifyType === NotifyType.NO_PPK_AUTH
          ? notify(NotifyType.NO_PPK_AUTH, new Uint8Array(32))
          : payload,
      ),
    );
    assert.equal(answer, "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
  });
});
