import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { seededRandom } from "../support/packets.ts";
import { Bench, CIPHERS, ENGINES, keyLength, needs, referenceSeal } from "./harness.ts";

const packet = { nonce: new Uint8Array(12), aad: new Uint8Array(8), payload: new Uint8Array(32) };

/** True when `needle` stands anywhere in `haystack`. */
const contains = (haystack: Uint8Array, needle: Uint8Array): boolean => Buffer.from(haystack).includes(Buffer.from(needle));

for (const name of ENGINES) {
  describe(`keys of ${name}`, needs(name), () => {
    for (const cipher of CIPHERS) {
      const key = seededRandom(1).octets(keyLength(cipher));

      it(`${cipher}: no octet of the slot and no copy of the key is left in packet memory`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        const size = bench.engine.keySlotSize(cipher);
        assert.equal(size % 64, 0);
        const handle = bench.engine.expandKey(cipher, key, slot);
        bench.seal(handle, [packet]);
        if (size > 0) assert.ok(bench.octets.slice(slot, slot + size).some((octet) => octet !== 0));
        bench.engine.forgetKey(handle);
        assert.ok(bench.octets.slice(slot, slot + size).every((octet) => octet === 0));
        assert.ok(!contains(bench.octets, key));
      });

      it(`${cipher}: the only copy of the key is in its slot`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        bench.engine.expandKey(cipher, key, slot);
        bench.octets.fill(0, slot, slot + bench.engine.keySlotSize(cipher));
        assert.ok(!contains(bench.octets, key));
      });

      it(`${cipher}: a slot serves another key after the first is forgotten`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        const first = bench.engine.expandKey(cipher, key, slot);
        bench.seal(first, [packet]);
        bench.engine.forgetKey(first);
        const next = seededRandom(2).octets(keyLength(cipher));
        const second = bench.engine.expandKey(cipher, next, slot);
        assert.deepEqual(bench.seal(second, [packet]), [referenceSeal(cipher, next, packet)]);
      });

      it(`${cipher}: a key of another length is refused`, () => {
        const bench = new Bench(name);
        for (const length of [0, key.length - 1, key.length + 4, 24]) {
          assert.throws(() => bench.key(cipher, new Uint8Array(length)), RangeError);
        }
      });
    }

    it("the caller's key is left alone: wiping it is the caller's business", () => {
      const key = seededRandom(3).octets(16);
      const copy = key.slice();
      new Bench(name).key("aes128gcm16", key);
      assert.deepEqual(key, copy);
    });

    it("handles fit 32 bits", () => {
      const bench = new Bench(name);
      for (const cipher of CIPHERS) {
        const handle = bench.key(cipher, new Uint8Array(keyLength(cipher)));
        assert.equal(handle, handle >>> 0);
      }
    });
  });
}

describe("handles and slots", () => {
  for (const name of ["ipsec-mb", "node"] as const) {
    it(`${name} refuses a slot that is not aligned`, needs(name), () => {
      const { engine } = new Bench(name);
      assert.throws(() => engine.expandKey("aes128gcm16", new Uint8Array(16), 300_008), /not a multiple of 64/);
    });
  }

  it("openssl refuses a handle that was forgotten, rather than to crash", needs("openssl"), () => {
    const { engine } = new Bench("openssl");
    const handle = engine.expandKey("aes128gcm16", new Uint8Array(16), 0);
    engine.forgetKey(handle);
    assert.throws(() => engine.seal(handle, 0, 1), /there is no key/);
    assert.throws(() => engine.forgetKey(handle), /there is no key/);
  });
});
