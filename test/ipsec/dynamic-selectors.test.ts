/** Selectors that stand for a virtual address: how they are written, and what they come to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatConfiguredSelector,
  isDynamic,
  parseConfiguredSelector,
  withAddresses,
  withAnyAddress,
} from "../../src/ipsec/dynamic-selectors.ts";
import { parseAddress } from "../../src/wire/address.ts";
import { InvalidText } from "../../src/wire/errors.ts";
import { formatTrafficSelector } from "../../src/wire/traffic-selector.ts";

const configured = ["10.1.0.0/16", "dynamic[udp/53]"].map(parseConfiguredSelector);

test("are read and written as swanctl does", () => {
  for (const text of ["dynamic", "dynamic[tcp]", "dynamic[tcp/80-90]", "dynamic[icmp/8(0)]", "10.1.0.0/16[udp]", "fd00::/8"]) {
    const selector = parseConfiguredSelector(` ${text} `);
    assert.equal(formatConfiguredSelector(selector), text);
    assert.equal(isDynamic(selector), text.startsWith("dynamic"));
  }
  for (const text of ["dynamics", "dynamic/24", "dynamic[", "dynamic[nonsense]"]) {
    assert.throws(() => parseConfiguredSelector(text), InvalidText);
  }
});

test("come to each address with their protocol and ports, beside what stands by itself", () => {
  const addresses = ["10.9.0.1", "fd09::1"].map(parseAddress);
  assert.deepEqual(withAddresses(configured, addresses).map(formatTrafficSelector), [
    "10.1.0.0/16",
    "10.9.0.1/32[udp/53]",
    "fd09::1/128[udp/53]",
  ]);
  assert.deepEqual(withAddresses(configured, []).map(formatTrafficSelector), ["10.1.0.0/16"]);
});

test("come to all addresses of a family while the address is not known", () => {
  assert.deepEqual(withAnyAddress(configured, [4, 6]).map(formatTrafficSelector), ["10.1.0.0/16", "0.0.0.0/0[udp/53]", "::/0[udp/53]"]);
});
