/**
 * Both ends rekey the same SA at once, and both guess the other's key exchange wrong (RFC 7296 §1.3, §2.8.1, §2.8.2): the collision is that of
 * their second attempts. Chance decides who has the lowest nonce. Cases of strongSwan's suites test_child_rekey and test_ike_rekey have their names.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { espSpiOctets } from "../../src/ike/esp-spi.ts";
import { espSpi } from "../../src/ipsec/names.ts";
import { toHex } from "../../src/wire/octets.ts";
import { assertAgreement } from "./harness/assertions.ts";
import { espProposals, ikeProposals, type Overrides, type Side } from "./harness/configs.ts";
import { establishedWorld, type Host, type World } from "./harness/world.ts";

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

/** What is rekeyed, with proposals whose first methods the other end does not have. */
interface Kind {
  readonly overrides: (...methods: string[]) => Overrides;
  readonly rekey: (world: World, host: Host) => void;
  /** Of the one that there is, the SPI that the left end has chosen. */
  readonly spiOfLeft: (world: World) => string;
}

const KINDS: Record<string, Kind> = {
  "an IKE SA": {
    overrides: (...methods) => ({ connection: { proposals: ikeProposals(`aes128gcm16-prfsha256-${methods.join("-")}`) } }),
    rekey: (world, host) => world.rekeyIke(host),
    spiOfLeft: (world) => {
      const [ikeSa] = world.status(world.left).ikeSas;
      return (ikeSa?.role === "initiator" ? ikeSa.initiatorSpi : ikeSa?.responderSpi) ?? "";
    },
  },
  "a Child SA": {
    overrides: (...methods) => ({ child: { espProposals: espProposals(`aes128gcm16-${methods.join("-")}-noesn`) } }),
    rekey: (world, host) => world.rekeyChild(host),
    spiOfLeft: (world) => toHex(espSpiOctets(espSpi(world.status(world.left).childSas[0]?.spiIn ?? 0))),
  },
};

/** Both have been told the method that they have in common, and have not done anything about it. */
function bothRefused({ overrides, rekey }: Kind, seed: number): World {
  const world = establishedWorld({ seed, left: overrides("x25519", "ecp256"), right: overrides("ecp384", "ecp256") });
  for (const host of world.hosts) rekey(world, host);
  for (const side of ["left", "right"] as const) world.deliverFrom(side);
  const refusals = world.wire.filter(({ octets }) => world.reader.describe(octets).includes("N(INVALID_KE_PAYLOAD)"));
  assert.deepEqual(
    refusals.map(({ from }) => from),
    ["right", "left"],
  );
  return world;
}

/** In the left end's request, which is on the wire. */
function offeredSpi(world: World): string {
  const request = world.wire.find(({ from }) => from === "left");
  assert.ok(request !== undefined);
  const [spi] = world.reader
    .payloads(request.octets)
    .flatMap((payload) => (payload.type === "SA" ? payload.proposals.map((proposal) => toHex(proposal.spi)) : []));
  return spi ?? assert.fail("no SA payload");
}

function assertReplaced(world: World, { spiOfLeft }: Kind): void {
  const old = spiOfLeft(world);
  world.settle();
  world.run(100_000);
  assertAgreement(world);
  assert.notEqual(spiOfLeft(world), old, "a rekey stands");
  assert.equal(world.status(world.left).ikeSas.length, 1);
  assert.equal(world.status(world.left).childSas.length, 1);
  for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined);
}

for (const [what, kind] of Object.entries(KINDS)) {
  describe(`both ends rekey ${what} by a method that the other has not`, () => {
    test("collision_ke_invalid: one is left of their second attempts, and either end's may be the one", () => {
      const winners = new Set<Side>();
      for (const seed of SEEDS) {
        const world = bothRefused(kind, seed);
        for (const side of ["left", "right"] as const) world.deliverFrom(side);
        const offered = offeredSpi(world);
        assertReplaced(world, kind);
        winners.add(kind.spiOfLeft(world) === offered ? "left" : "right");
      }
      assert.deepEqual([...winners].sort(), ["left", "right"], "both have come about");
    });

    for (const late of ["left", "right"] as const) {
      test(`collision_ke_invalid_delayed_retry: the ${late}'s second attempt comes when the other's is done`, () => {
        const other: Side = late === "left" ? "right" : "left";
        for (const seed of SEEDS) {
          const world = bothRefused(kind, seed);
          for (const side of ["left", "right"] as const) world.deliverFrom(side);
          const retry = world.hold(late);
          // The other's second attempt, and the answer to it.
          world.deliverFrom(other);
          world.deliverFrom(late);
          world.arrive(retry);
          assert.ok(
            world.wire.some(({ from, octets }) => from === other && world.reader.describe(octets).includes("N(TEMPORARY_FAILURE)")),
            "it is closing the old one",
          );
          assertReplaced(world, kind);
        }
      });
    }
  });
}
