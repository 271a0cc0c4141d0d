import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeIpPacket, flowOf, ipVersionOf, Ipv4View, Ipv6View } from "../../src/wire/ip.ts";
import { concat, fromHex } from "../../src/wire/octets.ts";
import { octets } from "./arbitraries.ts";
import { forAll } from "./property.ts";

/** 192.168.0.1 → 192.168.0.199, DF, DSCP 46, ECN 2, TTL 64; then what follows. */
const ipv4 = (protocol: number, fragmentWord: string, transport: string): Uint8Array => {
  const data = fromHex(transport);
  const packet = concat(fromHex(`45ba0000 1c46${fragmentWord} 40000000 c0a80001 c0a800c7`), data);
  packet[9] = protocol;
  new DataView(packet.buffer).setUint16(2, packet.length);
  return packet;
};

/** fd00::1 → fd00::2, DSCP 46, ECN 2, flow label 0x12345, hop limit 64; then what follows. */
const ipv6 = (nextHeader: number, rest: string): Uint8Array => {
  const data = fromHex(rest);
  const packet = concat(fromHex("6ba12345 0000 00 40 fd000000000000000000000000000001 fd000000000000000000000000000002"), data);
  packet[6] = nextHeader;
  new DataView(packet.buffer).setUint16(4, data.length);
  return packet;
};

const TCP = "9c40 0050 00000000 00000000 5002 0000 0000 0000";

describe("Ipv4View", () => {
  it("finds the fields where RFC 791 §3.1 draws them", () => {
    const view = Ipv4View.over(ipv4(6, "4000", TCP));
    assert.ok(view !== undefined);
    assert.deepEqual(
      [view.version, view.headerLength, view.dscp, view.ecn, view.totalLength, view.identification, view.hopLimit, view.protocol],
      [4, 20, 46, 2, 40, 0x1c46, 64, 6],
    );
    assert.deepEqual([view.dontFragment, view.moreFragments, view.fragmentOffset, view.headerChecksum], [true, false, 0, 0]);
    assert.deepEqual([view.source, view.destination], [0xc0a80001n, 0xc0a800c7n]);
  });

  it("needs the whole header, options included, and a total length that covers it", () => {
    const packet = ipv4(6, "4000", TCP);
    for (let length = 0; length < 20; length++) assert.equal(Ipv4View.over(packet.subarray(0, length)), undefined);
    assert.ok(Ipv4View.over(packet.subarray(0, 20)));
    const change = (at: number, value: number): Uint8Array => {
      const changed = Uint8Array.from(packet);
      changed[at] = value;
      return changed;
    };
    assert.equal(Ipv4View.over(change(0, 0x44)), undefined, "header length 16");
    assert.equal(Ipv4View.over(change(0, 0x65)), undefined, "version 6");
    assert.equal(Ipv4View.over(change(3, 19)), undefined, "total length 19");
    assert.equal(Ipv4View.over(change(0, 0x4b)), undefined, "header length 44 of 40 octets");
    assert.equal(Ipv4View.over(change(0, 0x46))?.headerLength, 24);
  });
});

describe("Ipv6View", () => {
  it("finds the fields where RFC 8200 §3 draws them", () => {
    const view = Ipv6View.over(ipv6(6, TCP));
    assert.ok(view !== undefined);
    assert.deepEqual(
      [view.version, view.dscp, view.ecn, view.flowLabel, view.totalLength, view.nextHeader, view.hopLimit],
      [6, 46, 2, 0x12345, 60, 6, 64],
    );
    assert.deepEqual([view.source, view.destination], [(0xfdn << 120n) + 1n, (0xfdn << 120n) + 2n]);
  });

  it("needs the whole fixed header", () => {
    const packet = ipv6(6, TCP);
    for (let length = 0; length < 40; length++) assert.equal(Ipv6View.over(packet.subarray(0, length)), undefined);
    assert.ok(Ipv6View.over(packet.subarray(0, 40)));
  });
});

describe("decodeIpPacket", () => {
  it("reads IPv4 with options", () => {
    const packet = concat(fromHex("46000000 00000000 40110000 0a000001 0a000002 01010100"), fromHex("0035 0400 0008 0000"));
    new DataView(packet.buffer).setUint16(2, packet.length);
    const ip = decodeIpPacket(packet);
    assert.deepEqual([ip?.transportOffset, ip?.protocol, ip?.totalLength, ip?.dontFragment, ip?.fragment], [24, 17, 32, false, undefined]);
  });

  it("walks IPv6 extension headers to the transport header (RFC 8200 §4.1)", () => {
    // Hop-by-Hop (8 octets), Destination Options (16), Routing (8), then TCP.
    const packet = ipv6(0, `3c 00 010400000000 2b 01 010c000000000000000000000000 06 00 0000 00000000 ${TCP}`);
    const ip = decodeIpPacket(packet);
    assert.deepEqual([ip?.protocol, ip?.transportOffset, ip?.fragment, ip?.dscp, ip?.ecn], [6, 72, undefined, 46, 2]);
    assert.equal(flowOf(packet)?.destinationPort, 80);
  });

  it("sees first, later and atomic fragments of both versions", () => {
    assert.deepEqual(decodeIpPacket(ipv4(6, "2000", TCP))?.fragment, { identification: 0x1c46, offset: 0, more: true });
    assert.deepEqual(decodeIpPacket(ipv4(6, "00b9", TCP))?.fragment, { identification: 0x1c46, offset: 1480, more: false });
    assert.equal(decodeIpPacket(ipv4(6, "4000", TCP))?.fragment, undefined);
    assert.deepEqual(decodeIpPacket(ipv6(44, `06 00 0001 deadbeef ${TCP}`))?.fragment, {
      identification: 0xdeadbeef,
      offset: 0,
      more: true,
    });
    assert.deepEqual(decodeIpPacket(ipv6(44, `06 00 05c8 deadbeef ${TCP}`))?.fragment, {
      identification: 0xdeadbeef,
      offset: 1480,
      more: false,
    });
    // RFC 6946: a fragment header on a whole packet.
    assert.equal(decodeIpPacket(ipv6(44, `06 00 0000 deadbeef ${TCP}`))?.fragment, undefined);
  });

  it("stops at the header of a later fragment: what follows is no header", () => {
    const ip = decodeIpPacket(ipv6(44, "3c 00 05c8 deadbeef ffffffffffffffff"));
    assert.deepEqual([ip?.protocol, ip?.transportOffset], [60, 48]);
  });

  it("is undefined when an extension header runs past the end, or there are too many", () => {
    assert.equal(decodeIpPacket(ipv6(0, "06 ff 010400000000")), undefined);
    assert.equal(decodeIpPacket(ipv6(0, "06 00 0104")), undefined);
    const hops = (count: number): Uint8Array => ipv6(0, "00 00 010400000000".repeat(count - 1) + `06 00 010400000000 ${TCP}`);
    assert.equal(decodeIpPacket(hops(8))?.protocol, 6);
    assert.equal(decodeIpPacket(hops(9)), undefined);
  });

  it("is undefined for what is no IP packet, and never throws", () => {
    assert.equal(decodeIpPacket(new Uint8Array(0)), undefined);
    assert.equal(decodeIpPacket(new Uint8Array(60)), undefined);
    assert.equal(ipVersionOf(fromHex("50")), undefined);
    assert.equal(ipVersionOf(fromHex("45")), 4);
    assert.equal(ipVersionOf(fromHex("60")), 6);
    const versioned = fc
      .tuple(fc.constantFrom(0x45, 0x4f, 0x60), octets(0, 120))
      .map(([first, rest]) => concat(Uint8Array.of(first), rest));
    forAll(versioned, (packet) => {
      const ip = decodeIpPacket(packet);
      assert.ok(ip === undefined || ip.transportOffset <= packet.length);
      assert.equal(flowOf(packet) === undefined, ip === undefined);
    });
  });
});

describe("flowOf", () => {
  const ports = (packet: Uint8Array): unknown[] => {
    const flow = flowOf(packet);
    return [flow?.protocol, flow?.sourcePort, flow?.destinationPort, flow?.hasPorts];
  };

  it("gives addresses as text and ports of the protocols that have them", () => {
    assert.deepEqual(flowOf(ipv4(6, "4000", TCP)), {
      protocol: 6,
      sourceAddress: "192.168.0.1",
      destinationAddress: "192.168.0.199",
      sourcePort: 40000,
      destinationPort: 80,
      hasPorts: true,
    });
    assert.equal(flowOf(ipv6(17, TCP))?.sourceAddress, "fd00::1");
    for (const protocol of [17, 33, 132, 136]) assert.deepEqual(ports(ipv6(protocol, TCP)), [protocol, 40000, 80, true]);
  });

  it("packs ICMP's type and code into both ports (RFC 7296 §3.13.1)", () => {
    assert.deepEqual(ports(ipv4(1, "4000", "0800 f7ff 00000000")), [1, 0x0800, 0x0800, true]);
    assert.deepEqual(ports(ipv6(58, "8000 0000 00000000")), [58, 0x8000, 0x8000, true]);
  });

  it("has no ports for other protocols, later fragments and packets cut short", () => {
    assert.deepEqual(ports(ipv4(47, "4000", TCP)), [47, 0, 0, false]);
    assert.deepEqual(ports(ipv4(6, "00b9", TCP)), [6, 0, 0, false]);
    assert.deepEqual(ports(ipv6(44, `06 00 05c8 deadbeef ${TCP}`)), [6, 0, 0, false]);
    assert.deepEqual(ports(ipv4(6, "4000", "9c40 00")), [6, 0, 0, false]);
    assert.deepEqual(ports(ipv4(6, "4000", "9c40 0050")), [6, 40000, 80, true]);
    assert.deepEqual(ports(ipv4(1, "4000", "08")), [1, 0, 0, false]);
    // The first fragment shows them.
    assert.deepEqual(ports(ipv4(6, "2000", TCP)), [6, 40000, 80, true]);
  });

  it("needs only a packet's beginning, but does not look past the length that it claims", () => {
    assert.deepEqual(ports(ipv4(6, "4000", TCP).subarray(0, 24)), [6, 40000, 80, true]);
    const padded = concat(ipv4(6, "4000", "9c40"), fromHex("0050"));
    assert.deepEqual(ports(padded), [6, 0, 0, false]);
  });
});
