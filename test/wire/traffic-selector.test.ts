import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidText } from "../../src/wire/errors.ts";
import {
  ANY_PORTS,
  formatTrafficSelector,
  hasAnyPorts,
  hasOpaquePorts,
  OPAQUE_PORTS,
  parsePrefix,
  type TrafficSelector,
} from "../../src/wire/traffic-selector.ts";
import { trafficSelector } from "./arbitraries.ts";
import { forAll } from "./property.ts";

const TEN: TrafficSelector = { family: 4, protocol: 0, ...ANY_PORTS, start: 0x0a000000n, end: 0x0affffffn };

describe("parsePrefix", () => {
  it("reads a prefix, an address and a range", () => {
    assert.deepEqual(parsePrefix("10.0.0.0/8"), TEN);
    assert.deepEqual(parsePrefix("10.0.0.7"), { ...TEN, start: 0x0a000007n, end: 0x0a000007n });
    assert.deepEqual(parsePrefix("10.0.0.7-10.0.1.2"), { ...TEN, start: 0x0a000007n, end: 0x0a000102n });
    assert.deepEqual(parsePrefix("0.0.0.0/0"), { ...TEN, start: 0n, end: 0xffffffffn });
    assert.deepEqual(parsePrefix("fd00::/8"), { ...TEN, family: 6, start: 0xfdn << 120n, end: (0xfen << 120n) - 1n });
    assert.deepEqual(parsePrefix("::/0"), { ...TEN, family: 6, start: 0n, end: 2n ** 128n - 1n });
  });

  it("clears host bits", () => {
    assert.deepEqual(parsePrefix("10.1.2.3/8"), TEN);
  });

  it("reads protocols by name and number, and ports", () => {
    assert.deepEqual(parsePrefix("10.0.0.0/8[tcp]"), { ...TEN, protocol: 6 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[tcp/80]"), { ...TEN, protocol: 6, startPort: 80, endPort: 80 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[UDP/1024-65535]"), { ...TEN, protocol: 17, startPort: 1024, endPort: 65535 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[89]"), { ...TEN, protocol: 89 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[any]"), TEN);
    assert.deepEqual(parsePrefix("10.0.0.0/8[sctp/any]"), { ...TEN, protocol: 132 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[tcp/opaque]"), { ...TEN, protocol: 6, ...OPAQUE_PORTS });
  });

  it("reads ICMP types and codes as RFC 7296 §3.13.1 packs them", () => {
    assert.deepEqual(parsePrefix("10.0.0.0/8[icmp/8(0)]"), { ...TEN, protocol: 1, startPort: 0x0800, endPort: 0x0800 });
    assert.deepEqual(parsePrefix("10.0.0.0/8[icmp/3]"), { ...TEN, protocol: 1, startPort: 0x0300, endPort: 0x03ff });
    assert.deepEqual(parsePrefix("fd00::/8[icmpv6/128-129]").endPort, 0x81ff);
    assert.deepEqual(parsePrefix("fd00::/8[ipv6-icmp/128]").protocol, 58);
  });

  it("says what is wrong in a sentence", () => {
    assert.throws(() => parsePrefix("10.0.0.0/33"), /"10\.0\.0\.0\/33" needs a prefix length from 0 to 32/);
    assert.throws(() => parsePrefix("10.0.0.0/8[foo]"), /"foo" is not a protocol; use a number from 0 to 255 or one of icmp, tcp/);
    assert.throws(() => parsePrefix("10.0.0.0/8[tcp/80-20]"), /"80-20" is not a port/);
    assert.throws(() => parsePrefix("10.0.0.9-10.0.0.1"), /not a range from a lower to a higher address/);
    assert.throws(() => parsePrefix("10.0.0.300"), /"10\.0\.0\.300" is not an IP address/);
    const wrong = [
      "",
      "[tcp]",
      "10.0.0.0/8[",
      "10.0.0.0/8[]",
      "10.0.0.0/8[tcp/80/81]",
      "10.0.0.0/8/9",
      "10.0.0.0/",
      "10.0.0.0/8[tcp/70000]",
    ];
    const wrongRanges = [
      "10.0.0.1-fd00::1",
      "10.0.0.1-10.0.0.2-10.0.0.3",
      "10.0.0.0/8[tcp/1-2-3]",
      "10.0.0.0/8[icmp/256]",
      "10.0.0.0/8[icmp/8(256)]",
    ];
    for (const text of [...wrong, ...wrongRanges]) assert.throws(() => parsePrefix(text), InvalidText, text);
  });
});

describe("formatTrafficSelector", () => {
  it("writes what an operator wrote", () => {
    for (const text of [
      "10.0.0.0/8",
      "10.0.0.7/32",
      "0.0.0.0/0",
      "::/0",
      "10.0.0.7-10.0.1.2",
      "fd00::/8[tcp/80]",
      "10.0.0.0/8[udp/1024-65535]",
      "10.0.0.0/8[89]",
      "10.0.0.0/8[tcp/opaque]",
      "10.0.0.0/8[icmp/8(0)]",
      "10.0.0.0/8[0/80]",
    ]) {
      assert.equal(formatTrafficSelector(parsePrefix(text)), text);
    }
  });

  it("is read back to the same selector, whatever the selector", () => {
    forAll(trafficSelector, (selector) => assert.deepEqual(parsePrefix(formatTrafficSelector(selector)), { ...selector }));
  });
});

describe("port ranges", () => {
  it("any and opaque are told apart", () => {
    assert.ok(hasAnyPorts(ANY_PORTS) && !hasOpaquePorts(ANY_PORTS));
    assert.ok(hasOpaquePorts(OPAQUE_PORTS) && !hasAnyPorts(OPAQUE_PORTS));
    assert.ok(!hasAnyPorts({ startPort: 0, endPort: 80 }) && !hasOpaquePorts({ startPort: 65535, endPort: 65535 }));
  });
});
