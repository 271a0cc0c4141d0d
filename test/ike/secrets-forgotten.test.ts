/** Every g^ir that was computed is zeros as soon as it has served, or is of no use any more (RFC 7296 §2.12). */
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, describe, it } from "node:test";
import { assertAgreement } from "./harness/assertions.ts";
import { espProposals, ikeProposals, type Overrides } from "./harness/configs.ts";
import { World } from "./harness/world.ts";

const { diffieHellman } = crypto;
/** What X25519 has given, at both ends: the very octets. */
let secrets: Buffer[] = [];

beforeEach(() => {
  secrets = [];
  crypto.diffieHellman = ((keys: Parameters<typeof diffieHellman>[0]): Buffer => {
    const secret = diffieHellman(keys);
    assert.ok(secret.some((octet) => octet !== 0));
    secrets.push(secret);
    return secret;
  }) as typeof diffieHellman;
  syncBuiltinESMExports();
});

afterEach(() => {
  crypto.diffieHellman = diffieHellman;
  syncBuiltinESMExports();
});

function worldWith(ike = "aes128gcm16-prfsha256-x25519", esp = "aes128gcm16-x25519-noesn", right: Overrides = {}): World {
  const both: Overrides = { connection: { proposals: ikeProposals(ike) }, child: { espProposals: espProposals(esp) } };
  const world = new World({ left: both, right: { ...both, ...right } });
  world.initiate();
  world.settle();
  return world;
}

function assertForgotten(count: number): void {
  assert.equal(secrets.length, count);
  for (const [index, secret] of secrets.entries())
    assert.ok(
      secret.every((octet) => octet === 0),
      `secret ${index} is still there`,
    );
}

describe("shared secrets are forgotten", () => {
  it("after IKE_SA_INIT", () => {
    worldWith();
    assertForgotten(2);
  });

  for (const side of ["left", "right"] as const) {
    it(`after the rekey of a Child SA with PFS, and of the IKE SA, from the ${side}`, () => {
      const world = worldWith();
      world.rekeyChild(world[side]);
      world.settle();
      assertForgotten(4);
      world.rekeyIke(world[side]);
      world.settle();
      assertForgotten(6);
      assertAgreement(world);
    });
  }

  for (const what of ["rekeyChild", "rekeyIke"] as const) {
    it(`after ${what} from both ends at once`, () => {
      const world = worldWith();
      for (const host of world.hosts) world[what](host);
      world.settle();
      assertForgotten(6);
      assertAgreement(world);
    });

    it(`after ${what} from both ends at once, with additional key exchanges`, () => {
      const world = worldWith("aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16-x25519-ke1_mlkem512-noesn");
      for (const host of world.hosts) world[what](host);
      world.settle();
      assertForgotten(6);
      assertAgreement(world);
    });

    it(`when the additional key exchanges of ${what} do not come`, () => {
      const world = worldWith("aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16-x25519-ke1_mlkem512-noesn");
      world[what](world.left);
      world.deliver();
      assert.equal(secrets.length, 3);
      world.wire.length = 0;
      world.advance(31_000);
      assertForgotten(3);
    });

    it(`when the responder has forgotten the additional key exchanges of ${what}`, () => {
      const world = worldWith("aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16-x25519-ke1_mlkem512-noesn");
      world[what](world.left);
      world.deliver();
      world.deliver();
      const followup = world.hold();
      world.advance(31_000);
      world.wire.length = 0;
      world.arrive(followup);
      assert.match(world.deliver(), /N\(STATE_NOT_FOUND\)/);
      assertForgotten(4);
    });
  }
});
