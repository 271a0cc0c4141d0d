/** Published answers for the ciphers without a MAC of their own (RFC 3602 §4, RFC 3686 §6), and for the MACs (RFC 4868 §2.7.2, RFC 2202 §3). */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { propertiesOf } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipher } from "../../src/ipsec/esp-cipher.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { Bench, ENGINES, needs } from "./harness.ts";

const ascii = (text: string): string => Buffer.from(text).toString("hex");

interface CipherVector {
  readonly name: string;
  readonly cipher: EspCipher;
  /** All in hexadecimal. */
  readonly key: string;
  /** IV of CBC; nonce, IV and block counter of CTR. */
  readonly block: string;
  readonly plaintext: string;
  readonly ciphertext: string;
}

const CIPHER_VECTORS: readonly CipherVector[] = [
  {
    name: "RFC 3602 case 1",
    cipher: "aes128-sha256",
    key: "06a9214036b8a15b512e03d534120006",
    block: "3dafba429d9eb430b422da802c9fac41",
    plaintext: ascii("Single block msg"),
    ciphertext: "e353779c1079aeb82708942dbe77181a",
  },
  {
    name: "RFC 3602 case 2",
    cipher: "aes128-sha1",
    key: "c286696d887c9aa0611bbb3e2025a45a",
    block: "562e17996d093d28ddb3ba695a2e6f58",
    plaintext: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ciphertext: "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
  },
  {
    name: "RFC 3686 vector 1",
    cipher: "aes128ctr-sha256",
    key: "ae6852f8121067cc4bf7a5765577f39e",
    block: "00000030000000000000000000000001",
    plaintext: ascii("Single block msg"),
    ciphertext: "e4095d4fb7a7b3792d6175a3261311b8",
  },
  {
    name: "RFC 3686 vector 4",
    cipher: "aes192ctr-sha384",
    key: "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb78515",
    block: "0000004836733c147d6d93cb00000001",
    plaintext: ascii("Single block msg"),
    ciphertext: "4b55384fe259c9c84e7935a003cbe928",
  },
  {
    name: "RFC 3686 vector 7",
    cipher: "aes256ctr-sha512",
    key: "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104",
    block: "00000060db5672c97aa8f0b200000001",
    plaintext: ascii("Single block msg"),
    ciphertext: "145ad01dbf824ec7560863dc71e3e0c0",
  },
];

/** HMAC of "Hi There" under a key of octets 0x0b, as long as the hash, cut to the length of the ICV. */
const MAC_VECTORS: readonly (readonly [name: string, cipher: EspCipher, icv: string])[] = [
  ["RFC 2202 case 1", "aes128ctr-sha1", "b617318655057264e28bc0b6"],
  ["RFC 4868 AUTH256-1", "aes128ctr-sha256", "198a607eb44bfbc69903a0f1cf2bbdc5"],
  ["RFC 4868 AUTH384-1", "aes128ctr-sha384", "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973"],
  ["RFC 4868 AUTH512-1", "aes128ctr-sha512", "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8"],
];

for (const engine of ENGINES) {
  describe(engine, needs(engine), () => {
    for (const { name, cipher, key, block, plaintext, ciphertext } of CIPHER_VECTORS) {
      it(name, () => {
        const bench = new Bench(engine);
        const handle = bench.key(cipher, Uint8Array.from([...fromHex(key), ...new Uint8Array(propertiesOf(cipher).macKeyLength)]));
        const packet = { nonce: fromHex(block), aad: new Uint8Array(16), payload: fromHex(plaintext) };
        const [sealed] = bench.seal(handle, [packet]);
        assert.equal(toHex(sealed!.payload), ciphertext);
        const [opened] = bench.open(handle, [{ ...packet, ...sealed! }]);
        assert.equal(toHex(opened!.payload), plaintext);
      });
    }

    for (const [name, cipher, icv] of MAC_VECTORS) {
      it(name, () => {
        const bench = new Bench(engine);
        const { keyLength, macKeyLength } = propertiesOf(cipher);
        const handle = bench.key(cipher, Uint8Array.from([...new Uint8Array(keyLength), ...new Uint8Array(macKeyLength).fill(0x0b)]));
        // Opened, not sealed: the MAC covers the ciphertext.
        const message = { nonce: new Uint8Array(16), aad: new Uint8Array(0), payload: fromHex(ascii("Hi There")) };
        assert.equal(toHex(bench.open(handle, [message])[0]!.icv), icv);
      });
    }
  });
}
