/** Every engine agrees with node:crypto, and so with every other, on random packets of random lengths in bursts of random size. */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { seededRandom } from "../support/packets.ts";
import { Bench, CIPHERS, ENGINES, keyLength, needs, randomPacket, referenceSeal } from "./harness.ts";
import type { Packet } from "./harness.ts";

const SEED = Number(process.env["SEED"] ?? 20240811);
/** 0, one octet, a block and its neighbours, full-sized, jumbo; and whatever else. */
const EDGES = [0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 255, 256, 257, 1400, 1438, 8960];

for (const engine of ENGINES) {
  for (const cipher of CIPHERS) {
    describe(`${engine} ${cipher} (SEED=${SEED})`, needs(engine), () => {
      const random = seededRandom(SEED);
      const bench = new Bench(engine);
      const key = random.octets(keyLength(cipher));
      const handle = bench.key(cipher, key);
      const packet = (length: number): Packet => randomPacket(cipher, random, length);
      const burst = (n: number): Packet[] => Array.from({ length: n }, () => packet(random.below(600)));

      it("seals as the reference does, at every edge of length", () => {
        const packets = EDGES.map(packet);
        assert.deepEqual(
          bench.seal(handle, packets),
          packets.map((one) => referenceSeal(cipher, key, one)),
        );
      });

      it("seals and opens bursts of every size, longer ones than the library takes at once among them", () => {
        for (const n of [1, 2, 3, 31, 32, 33, 127, 128, 129, 256]) {
          const packets = burst(n);
          const sealed = bench.seal(handle, packets);
          assert.deepEqual(
            sealed,
            packets.map((one) => referenceSeal(cipher, key, one)),
            `${n} sealed`,
          );
          const opened = bench.open(
            handle,
            packets.map((one, i) => ({ ...one, ...sealed[i]! })),
          );
          assert.deepEqual(
            opened,
            packets.map(({ payload }, i) => ({ payload, icv: sealed[i]!.icv })),
            `${n} opened`,
          );
        }
      });

      it("changes between keys, directions and AAD lengths from burst to burst", () => {
        const otherKey = random.octets(keyLength(cipher));
        const other = bench.key(cipher, otherKey);
        for (let round = 0; round < 40; round++) {
          const [h, k] = random.below(2) === 0 ? [handle, key] : [other, otherKey];
          const packets = burst(1 + random.below(20));
          const expected = packets.map((one) => referenceSeal(cipher, k, one));
          if (random.below(2) === 0) assert.deepEqual(bench.seal(h, packets), expected);
          else {
            const opened = bench.open(
              h,
              packets.map((one, i) => ({ ...one, ...expected[i]! })),
            );
            assert.deepEqual(
              opened,
              packets.map(({ payload }, i) => ({ payload, icv: expected[i]!.icv })),
            );
          }
        }
      });
    });
  }
}

describe("one engine, all ciphers at once", () => {
  for (const engine of ENGINES) {
    it(engine, needs(engine), () => {
      const random = seededRandom(SEED + 1);
      const bench = new Bench(engine);
      const sas = CIPHERS.map((cipher) => {
        const key = random.octets(keyLength(cipher));
        return { cipher, key, handle: bench.key(cipher, key) };
      });
      for (let round = 0; round < 200; round++) {
        const { cipher, key, handle } = sas[random.below(sas.length)]!;
        const packets = Array.from({ length: 1 + random.below(8) }, () => randomPacket(cipher, random, random.below(300)));
        assert.deepEqual(
          bench.seal(handle, packets),
          packets.map((one) => referenceSeal(cipher, key, one)),
        );
      }
    });
  }
});
