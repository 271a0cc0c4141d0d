import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { addNonEspMarker, classify, keepalive, removeNonEspMarker } from "../../src/wire/udp-encap.ts";
import { octets } from "./arbitraries.ts";
import { forAll } from "./property.ts";

describe("datagrams on port 4500 (RFC 3948)", () => {
  it("are told apart by their first octets", () => {
    assert.equal(classify(fromHex("ff")), "keepalive");
    assert.equal(classify(fromHex("00000000 2e202508")), "ike");
    assert.equal(classify(fromHex("00000000 ff")), "ike");
    assert.equal(classify(fromHex("c1a0ffee 00000001 aa")), "esp");
    assert.equal(classify(fromHex("00000100 00000001 aa")), "esp");
    assert.equal(classify(fromHex("ffffffff ffffffff ff")), "esp");
  });

  it("that can be nothing are malformed", () => {
    for (const datagram of ["", "00", "fe", "ffff", "00000000", "c1a0ffee", "c1a0ffee 00000001"]) {
      assert.equal(classify(fromHex(datagram)), "malformed", datagram);
    }
  });

  it("carry IKE behind the marker", () => {
    forAll(octets(1, 60), (message) => {
      const datagram = addNonEspMarker(message);
      assert.equal(classify(datagram), "ike");
      assert.equal(toHex(removeNonEspMarker(datagram)), toHex(message));
    });
  });

  it("keep a NAT mapping alive with one octet", () => {
    assert.equal(toHex(keepalive()), "ff");
    assert.equal(classify(keepalive()), "keepalive");
    assert.notEqual(keepalive(), keepalive(), "nobody can spoil another's");
  });
});
