import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prfFor, prfPlus } from "../../src/crypto/prf.ts";
import { Prf } from "../../src/wire/iana/index.ts";
import { concat, fromHex, toHex } from "../../src/wire/octets.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const repeated = (octet: number, length: number): Uint8Array => new Uint8Array(length).fill(octet);

const SHA2_256 = prfFor(Prf.PRF_HMAC_SHA2_256)!;
const SHA2_384 = prfFor(Prf.PRF_HMAC_SHA2_384)!;
const SHA2_512 = prfFor(Prf.PRF_HMAC_SHA2_512)!;

/** RFC 4231 §4, which RFC 4868 §2.7.1 repeats for the PRFs. Case 5 is about truncation, which PRFs do not do. */
const RFC_4231 = [
  {
    name: "case 1",
    key: repeated(0x0b, 20),
    data: ascii("Hi There"),
    sha256: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    sha384: "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
    sha512:
      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
  },
  {
    name: "case 2: a key shorter than the output",
    key: ascii("Jefe"),
    data: ascii("what do ya want for nothing?"),
    sha256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    sha384: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    sha512:
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  },
  {
    name: "case 3",
    key: repeated(0xaa, 20),
    data: repeated(0xdd, 50),
    sha256: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    sha384: "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
    sha512:
      "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
  },
  {
    name: "case 4",
    key: fromHex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
    data: repeated(0xcd, 50),
    sha256: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    sha384: "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
    sha512:
      "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
  },
  {
    name: "case 6: a key longer than the block",
    key: repeated(0xaa, 131),
    data: ascii("Test Using Larger Than Block-Size Key - Hash Key First"),
    sha256: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    sha384: "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
    sha512:
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
  },
];

for (const { name, key, data, sha256, sha384, sha512 } of RFC_4231) {
  test(`HMAC-SHA2 as a PRF, RFC 4231 ${name}`, () => {
    assert.equal(toHex(SHA2_256.compute(key, data)), sha256);
    assert.equal(toHex(SHA2_384.compute(key, data)), sha384);
    assert.equal(toHex(SHA2_512.compute(key, data)), sha512);
  });
}

test("a PRF's preferred key is as long as its output (RFC 4868 §2.1.1)", () => {
  assert.deepEqual(
    [SHA2_256, SHA2_384, SHA2_512].map((prf) => [prf.name, prf.transformId, prf.keyLength, prf.outputLength]),
    [
      ["PRF_HMAC_SHA2_256", 5, 32, 32],
      ["PRF_HMAC_SHA2_384", 6, 48, 48],
      ["PRF_HMAC_SHA2_512", 7, 64, 64],
    ],
  );
});

test("PRFs that must not be used do not exist", () => {
  assert.equal(prfFor(Prf.PRF_HMAC_MD5), undefined);
  assert.equal(prfFor(Prf.PRF_HMAC_TIGER), undefined);
  assert.equal(prfFor(0), undefined);
});

test("PRF_HMAC_SHA1, for old peers, on RFC 2202 §3", () => {
  const sha1 = prfFor(Prf.PRF_HMAC_SHA1)!;
  assert.equal(sha1.keyLength, 20);
  assert.equal(toHex(sha1.compute(repeated(0x0b, 20), ascii("Hi There"))), "b617318655057264e28bc0b6fb378c8ef146be00");
  assert.equal(toHex(sha1.compute(ascii("Jefe"), ascii("what do ya want for nothing?"))), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
});

test("chunks are computed as if they were one", () => {
  const key = ascii("key");
  assert.deepEqual(SHA2_256.compute(key, ascii("ab"), new Uint8Array(0), ascii("c")), SHA2_256.compute(key, ascii("abc")));
});

test("prf+ is T1 | T2 | … with the counter after the seed (RFC 7296 §2.13)", () => {
  const key = ascii("key");
  const seed = ascii("seed");
  const t1 = SHA2_384.compute(key, seed, Uint8Array.of(1));
  const t2 = SHA2_384.compute(key, t1, seed, Uint8Array.of(2));
  const t3 = SHA2_384.compute(key, t2, seed, Uint8Array.of(3));
  assert.deepEqual(prfPlus(SHA2_384, key, seed, 3 * 48), concat(t1, t2, t3));
});

test("prf+ of a smaller length is a prefix of prf+ of a greater one", () => {
  const length = fc.integer({ min: 0, max: 300 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), length, length, (key, seed, a, b) => {
      const [shorter, longer] = [Math.min(a, b), Math.max(a, b)];
      const stream = prfPlus(SHA2_256, key, seed, longer);
      assert.equal(stream.length, longer);
      assert.deepEqual(prfPlus(SHA2_256, key, seed, shorter), stream.slice(0, shorter));
    }),
    { seed: 7296, numRuns: 100 },
  );
});

test("prf+ ends at 255 blocks, where its counter does", () => {
  const key = ascii("key");
  assert.equal(prfPlus(SHA2_256, key, new Uint8Array(0), 255 * 32).length, 255 * 32);
  assert.throws(() => prfPlus(SHA2_256, key, new Uint8Array(0), 255 * 32 + 1), RangeError);
});
