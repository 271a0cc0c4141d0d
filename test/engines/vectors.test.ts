/** Published ESP packets: draft-mcgrew-gcm-test-01, the test cases of RFC 4106's author, and RFC 7634 appendix A. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Bench, CIPHERS, ENGINES, needs } from "./harness.ts";

interface Vector {
  readonly name: string;
  readonly cipher: string;
  /** Key, then salt. All of these in hexadecimal. */
  readonly keymat: string;
  readonly iv: string;
  /** With the ESP trailer. */
  readonly plaintext: string;
  readonly aad: string;
  /** SPI, sequence number, IV, ciphertext, ICV. */
  readonly packet: string;
}

const ESP_HEADER_AND_IV = 16;
const SALT = 4;

// Compiled tests stand one folder deeper than their sources, where the vectors are.
const root = import.meta.url.includes("/dist/test/") ? "../../../" : "../../";
const vectors = JSON.parse(readFileSync(new URL(`${root}test/vectors/esp-aead.json`, import.meta.url), "utf8")) as Vector[];
const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

it("every vector is of a cipher that there is", () => {
  for (const { cipher } of vectors)
    assert.ok(
      CIPHERS.some((known) => known === cipher),
      cipher,
    );
});

for (const engine of ENGINES) {
  describe(engine, needs(engine), () => {
    for (const vector of vectors) {
      it(vector.name, () => {
        const cipher = CIPHERS.find((known) => known === vector.cipher) ?? assert.fail(vector.cipher);
        const bench = new Bench(engine);
        const keymat = octets(vector.keymat);
        const packet = octets(vector.packet);
        const handle = bench.key(cipher, keymat.subarray(0, -SALT));
        const nonce = Uint8Array.from([...keymat.subarray(-SALT), ...octets(vector.iv)]);
        const aad = octets(vector.aad);
        const plaintext = octets(vector.plaintext);
        const sealed = { payload: packet.slice(ESP_HEADER_AND_IV, -16), icv: packet.slice(-16) };
        assert.deepEqual(bench.seal(handle, [{ nonce, aad, payload: plaintext }]), [sealed]);
        assert.deepEqual(bench.open(handle, [{ nonce, aad, ...sealed }]), [{ payload: plaintext, icv: sealed.icv }]);
      });
    }

    for (const icvLength of [12, 8] as const) {
      it(`an ICV of ${icvLength} octets is the beginning of the whole one (RFC 4106 §6)`, () => {
        for (const { cipher, keymat, iv, aad, plaintext, packet } of vectors.filter(({ cipher: name }) => name.endsWith("gcm16"))) {
          const short = CIPHERS.find((known) => known === cipher.replace("gcm16", `gcm${icvLength}`)) ?? assert.fail(cipher);
          const bench = new Bench(engine);
          const handle = bench.key(short, octets(keymat).subarray(0, -SALT));
          const nonce = Uint8Array.from([...octets(keymat).subarray(-SALT), ...octets(iv)]);
          const [sealed] = bench.seal(handle, [{ nonce, aad: octets(aad), payload: octets(plaintext) }]);
          const whole = octets(packet);
          assert.deepEqual(sealed, {
            payload: whole.slice(ESP_HEADER_AND_IV, -16),
            icv: whole.slice(whole.length - 16, whole.length - 16 + icvLength),
          });
        }
      });
    }
  });
}
