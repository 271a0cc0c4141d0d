import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { decodeProposals, encodeProposals, type Proposal } from "../../src/wire/proposal.ts";
import { proposals } from "./arbitraries.ts";
import { assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

/** One transform of 8 octets, the smallest proposal's content. */
const NO_ESN = "00000008 05000000";

describe("Proposal substructure", () => {
  it("is laid out as RFC 7296 §3.3.1 draws it", () => {
    const octets = fromHex(`
      0200 0020 01 03 04 02 c1a0ffee
        0300000c 01000014 800e0080
        00000008 05000000
      0000 0014 02 03 04 01 c1a0ffef
        00000008 05000001`);
    const expected: Proposal[] = [
      {
        number: 1,
        protocolId: 3,
        spi: fromHex("c1a0ffee"),
        transforms: [
          { type: 1, id: 20, keyLength: 128 },
          { type: 5, id: 0 },
        ],
      },
      { number: 2, protocolId: 3, spi: fromHex("c1a0ffef"), transforms: [{ type: 5, id: 1 }] },
    ];
    assert.deepEqual(decodeProposals(octets), expected);
    assert.equal(toHex(encodeProposals(expected)), toHex(octets));
  });

  it("survives a round trip", () => {
    forAll(proposals, (list) => assert.equal(toHex(encodeProposals(decodeProposals(encodeProposals(list)))), toHex(encodeProposals(list))));
  });

  it("may carry any number when it is the chosen one", () => {
    assert.equal(decodeProposals(fromHex(`00000014 07030401 c1a0ffee ${NO_ESN}`))[0]?.number, 7);
  });

  it("is numbered without gaps from a number above 0", () => {
    const two = (first: string, second: string): string =>
      `02000014 ${first}030401 c1a0ffee ${NO_ESN} 00000014 ${second}030401 c1a0ffee ${NO_ESN}`;
    assert.equal(decodeProposals(fromHex(two("01", "02"))).length, 2);
    assertMalformed(() => decodeProposals(fromHex(two("01", "03"))), "bad-proposal");
    assertMalformed(() => decodeProposals(fromHex(two("02", "01"))), "bad-proposal");
    assertMalformed(() => decodeProposals(fromHex(two("01", "01"))), "bad-proposal");
    assertMalformed(() => decodeProposals(fromHex(`00000014 00030401 c1a0ffee ${NO_ESN}`)), "bad-proposal");
  });

  it("has an SPI of the size that its protocol asks for (§3.3.1)", () => {
    const withSpi = (protocol: string, spi: string): string => {
      const size = spi.length / 2;
      const length = (16 + size).toString(16).padStart(4, "0");
      return `0000${length} 01${protocol}${size.toString(16).padStart(2, "0")}01 ${spi} ${NO_ESN}`;
    };
    const legal: [string, string][] = [
      ["01", ""],
      ["01", "0011223344556677"],
      ["02", "01020304"],
      ["03", "01020304"],
      ["c8", "010203"],
    ];
    const illegal: [string, string][] = [
      ["01", "01020304"],
      ["03", ""],
      ["03", "0011223344556677"],
      ["02", "010203"],
    ];
    for (const [protocol, spi] of legal) assert.equal(toHex(decodeProposals(fromHex(withSpi(protocol, spi)))[0]!.spi), spi);
    for (const [protocol, spi] of illegal) assertMalformed(() => decodeProposals(fromHex(withSpi(protocol, spi))), "bad-spi-size");
  });

  it("is refused when a count, a length or a continuation mark lies", () => {
    assertMalformed(() => decodeProposals(new Uint8Array(0)), "truncated");
    assertMalformed(() => decodeProposals(fromHex(`01000014 01030401 c1a0ffee ${NO_ESN}`)), "bad-proposal");
    assertMalformed(() => decodeProposals(fromHex(`02000014 01030401 c1a0ffee ${NO_ESN}`)), "truncated");
    assertMalformed(() => decodeProposals(fromHex(`00000014 01030401 c1a0ffee ${NO_ESN} 00`)), "trailing-octets");
    assertMalformed(() => decodeProposals(fromHex(`00000014 01030402 c1a0ffee ${NO_ESN}`)), "bad-transform");
    assertMalformed(() => decodeProposals(fromHex(`0000000c 01030400 c1a0ffee`)), "bad-proposal");
    assertMalformed(() => decodeProposals(fromHex(`00000007 01030401 c1a0ffee`)), "bad-length");
    assertMalformed(() => decodeProposals(fromHex(`00000014 0103ff01 c1a0ffee ${NO_ESN}`)), "bad-spi-size");
    assertMalformed(() => decodeProposals(fromHex(`00000014 01c8ff01 c1a0ffee ${NO_ESN}`)), "truncated");
  });
});
