import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromOctets, addressOctets, formatAddress, parseAddress } from "../../src/wire/address.ts";
import { InvalidText } from "../../src/wire/errors.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { forAll } from "./property.ts";

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
/** Groups are often zero, or runs of zeros would hardly come up. */
const ipv6 = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn })), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((value, group) => (value << 16n) | group, 0n));

/** What the platform's URL parser (WHATWG) makes of an IPv6 address, an independent writer of RFC 5952. */
const canonical = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

describe("parseAddress", () => {
  it("reads dotted decimal", () => {
    assert.deepEqual(parseAddress("192.0.2.1"), { family: 4, value: 0xc0000201n });
    assert.deepEqual(parseAddress("255.255.255.255"), { family: 4, value: 0xffffffffn });
  });

  it("reads every form of RFC 4291 §2.2", () => {
    assert.equal(parseAddress("2001:db8::8:800:200c:417a").value, 0x20010db80000000000080800200c417an);
    assert.equal(parseAddress("2001:DB8:0:0:8:800:200C:417A").value, 0x20010db80000000000080800200c417an);
    assert.equal(parseAddress("::").value, 0n);
    assert.equal(parseAddress("::1").value, 1n);
    assert.equal(parseAddress("fe80::").value, 0xfe80n << 112n);
    assert.equal(parseAddress("1:2:3:4:5:6:7::").value, 0x00010002000300040005000600070000n);
    assert.equal(parseAddress("::ffff:129.144.52.38").value, 0xffff81903426n);
    assert.equal(parseAddress("0:0:0:0:0:0:13.1.68.3").value, 0x0d014403n);
  });

  it("refuses what is no address", () => {
    const wrong = [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4 ",
      "a.b.c.d",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
    ];
    const wrongIpv6 = ["12345::", "1.2.3.4::", "::1.2.3.4:5", "fe80::1%eth0", "1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7", "g::"];
    for (const text of [...wrong, ...wrongIpv6]) {
      assert.throws(() => parseAddress(text), InvalidText, text);
      if (!text.includes("%")) assert.equal(isIP(text), 0, `node takes ${text} for an address`);
    }
  });
});

describe("formatAddress", () => {
  it("writes the examples of RFC 5952", () => {
    const canonicalOf = (text: string): string => formatAddress(6, parseAddress(text).value);
    assert.equal(canonicalOf("2001:0db8::0001"), "2001:db8::1");
    assert.equal(canonicalOf("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");
    // §4.2.2: a single zero group is not shortened; §4.2.3: the longest run is, of equals the first.
    assert.equal(canonicalOf("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
    assert.equal(canonicalOf("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
    assert.equal(canonicalOf("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
    assert.equal(canonicalOf("::"), "::");
    assert.equal(canonicalOf("1::"), "1::");
    // §5: IPv4-mapped addresses end in dotted decimal.
    assert.equal(canonicalOf("::ffff:c000:201"), "::ffff:192.0.2.1");
  });

  it("is read back by parseAddress, and agrees with the platform's own writer", () => {
    forAll(ipv4, (value) => assert.deepEqual(parseAddress(formatAddress(4, value)), { family: 4, value }));
    forAll(ipv6, (value) => {
      const text = formatAddress(6, value);
      assert.equal(isIP(text), 6, text);
      assert.deepEqual(parseAddress(text), { family: 6, value });
      if (value >> 32n !== 0xffffn) assert.equal(text, canonical(text));
    });
  });
});

describe("address octets", () => {
  it("are in network order", () => {
    assert.equal(toHex(addressOctets(parseAddress("10.1.2.3"))), "0a010203");
    assert.equal(toHex(addressOctets(parseAddress("fd00::1"))), "fd000000000000000000000000000001");
    assert.deepEqual(addressFromOctets(fromHex("0a010203")), parseAddress("10.1.2.3"));
    assert.deepEqual(addressFromOctets(fromHex("fd000000000000000000000000000001")), parseAddress("fd00::1"));
    assert.equal(addressFromOctets(new Uint8Array(5)), undefined);
  });
});
