import assert from "node:assert/strict";
import { test } from "node:test";
import { makeQcdToken } from "../../src/crypto/qcd-token.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";

const SECRET = new Uint8Array(32).fill(0x5a);
const [SPI_I, SPI_R] = [fromHex("1122334455667788"), fromHex("99aabbccddeeff00")];

test("a token is an HMAC over the maker's role and both SPIs: 32 octets of the 16 to 128 that are allowed", () => {
  // python3 -c 'import hmac;print(hmac.new(b"\x5a"*32,bytes.fromhex("01112233445566778899aabbccddeeff00"),"sha256").hexdigest())'
  assert.equal(toHex(makeQcdToken(SECRET, "responder", SPI_I, SPI_R)), "def6ca9c1a417ca5f08e62124ebffd50a355bbf485194ab17f78ec77c2364100");
});

test("a token is good for one secret, role and pair of SPIs alone", () => {
  const tokens = [
    makeQcdToken(SECRET, "responder", SPI_I, SPI_R),
    makeQcdToken(new Uint8Array(32), "responder", SPI_I, SPI_R),
    makeQcdToken(SECRET, "initiator", SPI_I, SPI_R),
    makeQcdToken(SECRET, "responder", SPI_R, SPI_I),
    makeQcdToken(SECRET, "responder", SPI_I, SPI_I),
  ].map(toHex);
  assert.equal(new Set(tokens).size, tokens.length);
});
