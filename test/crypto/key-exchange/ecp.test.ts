import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidKeyExchange, respondKeyExchange, startKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { KeyExchangeMethod } from "../../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../../src/wire/octets.ts";
import { fixedEntropy } from "../fixed-entropy.ts";

const { ECP_256, ECP_384, ECP_521 } = KeyExchangeMethod;

/** RFC 5903 §8.1 to §8.3; public values are x and y. */
const VECTORS = [
  {
    name: "P-256",
    method: ECP_256,
    privateI: "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
    publicI:
      "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180" +
      "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
    privateR: "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
    publicR:
      "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63" +
      "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
    secret: "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
  },
  {
    name: "P-384",
    method: ECP_384,
    privateI: "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
    publicI:
      "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa" +
      "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
    privateR: "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
    publicR:
      "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571" +
      "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
    secret: "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
  },
  {
    name: "P-521",
    method: ECP_521,
    privateI:
      "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
    publicI:
      "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e" +
      "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
    privateR:
      "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
    publicR:
      "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f" +
      "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
    secret:
      "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea",
  },
];

for (const { name, method, privateI, publicI, privateR, publicR, secret } of VECTORS) {
  test(`${name}: both ends of RFC 5903 §8`, () => {
    const initiator = startKeyExchange(method, fixedEntropy(privateI));
    assert.equal(toHex(initiator.publicValue), publicI);
    const responder = respondKeyExchange(method, initiator.publicValue, fixedEntropy(privateR));
    assert.equal(toHex(responder.publicValue), publicR);
    assert.equal(toHex(responder.sharedSecret), secret);
    assert.equal(toHex(initiator.sharedSecret(responder.publicValue)), secret);
  });

  test(`${name}: what is not a point on the curve is refused`, () => {
    const own = startKeyExchange(method, fixedEntropy(privateI));
    const offCurve = fromHex(publicR);
    offCurve[offCurve.length - 1]! ^= 1;
    const beyondField = new Uint8Array(offCurve.length).fill(0xff);
    const zero = new Uint8Array(offCurve.length);
    for (const value of [offCurve, beyondField, zero]) {
      assert.throws(() => own.sharedSecret(value), InvalidKeyExchange);
      assert.throws(() => respondKeyExchange(method, value, fixedEntropy()), InvalidKeyExchange, "before anything is drawn for it");
    }
  });
}

test("a drawn private key that is zero or not below the group order is drawn again", () => {
  const { privateI, publicI } = VECTORS[0]!;
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const own = startKeyExchange(ECP_256, fixedEntropy("00".repeat(32), order, "ff".repeat(32), privateI));
  assert.equal(toHex(own.publicValue), publicI);
});

test("of the first octet of a P-521 private key only one bit is used, or every second draw would be in vain", () => {
  const { privateI, publicI } = VECTORS[2]!;
  assert.equal(toHex(startKeyExchange(ECP_521, fixedEntropy("fe" + privateI.slice(2))).publicValue), publicI);
});

test("a coordinate with leading zeros keeps its length (RFC 5903 §7)", () => {
  // The x coordinate of 379 times the generator of P-256 begins with a zero octet.
  const scalar = "17b".padStart(64, "0");
  const own = startKeyExchange(ECP_256, fixedEntropy(scalar));
  assert.equal(own.publicValue[0], 0);
  assert.equal(own.publicValue.length, 64);
  const one = startKeyExchange(ECP_256, fixedEntropy("1".padStart(64, "0")));
  const secret = one.sharedSecret(own.publicValue);
  assert.deepEqual(secret, own.publicValue.slice(0, 32));
  assert.equal(secret.length, 32);
});
