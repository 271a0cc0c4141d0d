import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { propertiesOf } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipher } from "../../src/ipsec/esp-cipher.ts";
import { seededRandom } from "../support/packets.ts";
import { Bench, CIPHERS, ENGINES, keyLength, needs, randomPacket, referenceSeal } from "./harness.ts";

/** True when `needle` stands anywhere in `haystack`. */
const contains = (haystack: Uint8Array, needle: Uint8Array): boolean => Buffer.from(haystack).includes(Buffer.from(needle));

/** Cipher key and integrity key: engines may keep them apart. */
const partsOf = (cipher: EspCipher, key: Uint8Array): Uint8Array[] =>
  [key.subarray(0, propertiesOf(cipher).keyLength), key.subarray(propertiesOf(cipher).keyLength)].filter(({ length }) => length > 0);

for (const name of ENGINES) {
  describe(`keys of ${name}`, needs(name), () => {
    for (const cipher of CIPHERS) {
      const key = seededRandom(1).octets(keyLength(cipher));
      const packet = randomPacket(cipher, seededRandom(3), 32);

      it(`${cipher}: no octet of the slot and no copy of the key is left in packet memory`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        const size = bench.engine.keySlotSize(cipher);
        assert.equal(size % 64, 0);
        const handle = bench.key(cipher, key, slot);
        bench.seal(handle, [packet]);
        if (size > 0) assert.ok(bench.octets.slice(slot, slot + size).some((octet) => octet !== 0));
        bench.engine.forgetKey(handle);
        assert.ok(bench.octets.slice(slot, slot + size).every((octet) => octet === 0));
        for (const part of partsOf(cipher, key)) assert.ok(!contains(bench.octets, part));
      });

      it(`${cipher}: the only copy of the key is in its slot`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        bench.key(cipher, key, slot);
        bench.octets.fill(0, slot, slot + bench.engine.keySlotSize(cipher));
        for (const part of partsOf(cipher, key)) assert.ok(!contains(bench.octets, part));
      });

      it(`${cipher}: a slot serves another key after the first is forgotten`, () => {
        const bench = new Bench(name);
        const slot = bench.slotFor(cipher);
        const first = bench.key(cipher, key, slot);
        bench.seal(first, [packet]);
        bench.engine.forgetKey(first);
        const next = seededRandom(2).octets(keyLength(cipher));
        const second = bench.key(cipher, next, slot);
        assert.deepEqual(bench.seal(second, [packet]), [referenceSeal(cipher, next, packet)]);
      });

      it(`${cipher}: a key of another length is refused`, () => {
        const bench = new Bench(name);
        for (const length of [0, key.length - 1, key.length + 4, 26]) {
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
