/** A packet that is not what was sealed never gets the ICV that it carries. */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { seededRandom } from "../support/packets.ts";
import { Bench, CIPHERS, ENGINES, hasSeparateMac, keyLength, needs, randomPacket, referenceSeal } from "./harness.ts";
import type { Packet } from "./harness.ts";

const SEED = Number(process.env["SEED"] ?? 4303);

type Part = "nonce" | "aad" | "payload" | "icv";
const PARTS: readonly Part[] = ["nonce", "aad", "payload", "icv"];

for (const engine of ENGINES) {
  describe(`${engine} (SEED=${SEED})`, needs(engine), () => {
    for (const cipher of CIPHERS) {
      const random = seededRandom(SEED);
      const bench = new Bench(engine);
      const key = random.octets(keyLength(cipher));
      const handle = bench.key(cipher, key);
      const sealed = (): Required<Packet> & { plaintext: Uint8Array } => {
        const packet = randomPacket(cipher, random, 1 + random.below(200));
        return { ...packet, plaintext: packet.payload, ...referenceSeal(cipher, key, packet) };
      };
      const flipBit = (octets: Uint8Array): Uint8Array => {
        const copy = octets.slice();
        const bit = random.below(copy.length * 8);
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return copy;
      };

      for (const part of PARTS) {
        // A separate MAC covers the IV where it stands in the packet: there it is part of the AAD.
        if (part === "nonce" && hasSeparateMac(cipher)) continue;
        it(`${cipher}: one bit of the ${part} is wrong`, () => {
          for (let i = 0; i < 25; i++) {
            const packet = sealed();
            const bad = { ...packet, [part]: flipBit(packet[part]) };
            const [outcome] = bench.open(handle, [bad]);
            assert.notDeepEqual(outcome!.icv, bad.icv);
          }
        });
      }

      it(`${cipher}: a bad packet in a burst does not touch its neighbours`, () => {
        const packets = Array.from({ length: 32 }, sealed);
        const bad = new Set([0, 7, 8, 31]);
        const outcomes = bench.open(
          handle,
          packets.map((packet, i) => (bad.has(i) ? { ...packet, payload: flipBit(packet.payload) } : packet)),
        );
        outcomes.forEach((outcome, i) => {
          if (bad.has(i)) assert.notDeepEqual(outcome.icv, packets[i]!.icv);
          else assert.deepEqual(outcome, { payload: packets[i]!.plaintext, icv: packets[i]!.icv });
        });
      });

      it(`${cipher}: another key opens nothing`, () => {
        const other = bench.key(cipher, random.octets(keyLength(cipher)));
        const packet = sealed();
        assert.notDeepEqual(bench.open(other, [packet])[0]!.icv, packet.icv);
      });
    }
  });
}

describe("engines that only verify", () => {
  for (const engine of ["openssl", "node"] as const) {
    it(`${engine} writes the complement of a wrong ICV`, needs(engine), () => {
      const bench = new Bench(engine);
      const handle = bench.key("aes128gcm16", new Uint8Array(16));
      const icv = Uint8Array.from({ length: 16 }, (_, i) => i);
      const packet = { nonce: new Uint8Array(12), aad: new Uint8Array(8), payload: new Uint8Array(20), icv };
      assert.deepEqual(
        bench.open(handle, [packet])[0]!.icv,
        icv.map((octet) => octet ^ 0xff),
      );
    });
  }
});
