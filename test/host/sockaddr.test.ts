import { strict as assert } from "node:assert";
import { isIPv6 } from "node:net";
import { describe, it } from "node:test";
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr } from "../../src/host/linux/sockaddr.ts";
import { seededRandom } from "../support/packets.ts";

const SEED = Number(process.env["SEED"] ?? 5952);

function encode(address: string, port: number): { octets: Uint8Array; length: number } {
  const octets = new Uint8Array(40).fill(0xaa);
  return { octets, length: encodeSockaddr(new DataView(octets.buffer), 4, address, port) };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

describe("sockaddr", () => {
  it("IPv4 as in ip(7): family in host order, port and address in network order, eight zeros", () => {
    const { octets, length } = encode("192.0.2.33", 4500);
    assert.equal(length, 16);
    assert.equal(hex(octets.subarray(0, 24)), "aaaaaaaa" + "0200" + "1194" + "c0000221" + "0000000000000000" + "aaaaaaaa");
  });

  it("IPv6 as in ipv6(7): family, port, flow label, address, scope id", () => {
    const { octets, length } = encode("2001:db8::1", 500);
    assert.equal(length, 28);
    assert.equal(
      hex(octets.subarray(0, 36)),
      "aaaaaaaa" + "0a00" + "01f4" + "00000000" + "20010db8000000000000000000000001" + "00000000" + "aaaaaaaa",
    );
  });

  for (const [written, canonical] of [
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:0:0:0:ffff:c000:221", "::ffff:192.0.2.33"],
    ["::ffff:192.0.2.33", "::ffff:192.0.2.33"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["fe80::0001:02", "fe80::1:2"],
  ] as const) {
    it(`${written} comes back as ${canonical} (RFC 5952)`, () => {
      const { octets } = encode(written, 1);
      assert.deepEqual(decodeSockaddr(new DataView(octets.buffer), 4), { address: canonical, port: 1 });
    });
  }

  it(`agrees with the URL parser's form of random addresses (SEED=${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 500; i++) {
      const groups = Array.from({ length: 8 }, () => (random.below(2) === 0 ? 0 : random.below(65536)));
      const address = groups.map((group) => group.toString(16)).join(":");
      const port = random.below(65536);
      const { octets } = encode(address, port);
      const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
      // URLs have no dotted form.
      if (/^::ffff:/.test(canonical)) continue;
      assert.deepEqual(decodeSockaddr(new DataView(octets.buffer), 4), { address: canonical, port }, address);
      assert.ok(isIPv6(canonical));
    }
  });

  it("another family is nobody's address", () => {
    const view = new DataView(new ArrayBuffer(28));
    view.setUint16(0, 1, true); // AF_UNIX
    assert.equal(decodeSockaddr(view, 0), undefined);
    assert.deepEqual([AF_INET, AF_INET6], [2, 10]);
  });

  for (const text of ["", "localhost", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "1::2::3", "[::1]", "300.1.1.1"]) {
    it(`"${text}" is not an address`, () => {
      assert.throws(() => encode(text, 1), RangeError);
    });
  }
});
