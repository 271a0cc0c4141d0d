/** Attributes of the Configuration payload (RFC 7296 §3.15.1): their octets, and values of lengths that their types do not have. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAddress, type AddressFamily } from "../../src/wire/address.ts";
import {
  addressAttribute,
  addressesIn,
  addressRequest,
  applicationVersion,
  configurationOf,
  dnsAttribute,
  dnsRequest,
  dnsServersIn,
  subnetAttribute,
  subnetsIn,
  supportedAttributes,
} from "../../src/wire/configuration.ts";
import { ConfigurationAttribute as Attribute, ConfigurationType } from "../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import type { ConfigurationAttributeValue } from "../../src/wire/payload.ts";
import { octets } from "./arbitraries.ts";
import { acceptsOrRefuses, assertMalformed } from "./malformed.ts";
import { forAll } from "./property.ts";

const hex = ({ type, value }: ConfigurationAttributeValue): [number, string] => [type, toHex(value)];
const attribute = (type: number, value: string): ConfigurationAttributeValue => ({ type, value: fromHex(value) });

const SUBNET6 = "fd020000000000000000000000000000";

describe("configuration attributes", () => {
  it("are laid out as the RFC says", () => {
    assert.deepEqual(hex(addressAttribute(parseAddress("10.9.0.10"))), [Attribute.INTERNAL_IP4_ADDRESS, "0a09000a"]);
    assert.deepEqual(hex(addressAttribute(parseAddress("fd09::1"))), [
      Attribute.INTERNAL_IP6_ADDRESS,
      "fd09000000000000000000000000000180",
    ]);
    assert.deepEqual(hex(dnsAttribute(parseAddress("10.2.0.53"))), [Attribute.INTERNAL_IP4_DNS, "0a020035"]);
    assert.deepEqual(hex(subnetAttribute({ ...parseAddress("10.2.0.0"), length: 15 })), [
      Attribute.INTERNAL_IP4_SUBNET,
      "0a020000fffe0000",
    ]);
    assert.deepEqual(hex(subnetAttribute({ ...parseAddress("fd02::"), length: 48 })), [Attribute.INTERNAL_IP6_SUBNET, `${SUBNET6}30`]);
    assert.deepEqual(hex(applicationVersion("Ab 1")), [Attribute.APPLICATION_VERSION, "41622031"]);
    assert.deepEqual(hex(supportedAttributes([1, 300])), [Attribute.SUPPORTED_ATTRIBUTES, "0001012c"]);
  });

  it("ask for any address by an empty value, and for one by itself", () => {
    assert.deepEqual(hex(addressRequest(parseAddress("0.0.0.0"))), [Attribute.INTERNAL_IP4_ADDRESS, ""]);
    assert.deepEqual(hex(addressRequest(parseAddress("::"))), [Attribute.INTERNAL_IP6_ADDRESS, ""]);
    assert.deepEqual(hex(addressRequest(parseAddress("10.9.0.1"))), [Attribute.INTERNAL_IP4_ADDRESS, "0a090001"]);
    assert.deepEqual(hex(dnsRequest(6)), [Attribute.INTERNAL_IP6_DNS, ""]);
    assert.deepEqual(addressesIn([addressRequest(parseAddress("0.0.0.0"))], 4), [undefined]);
  });

  it("are read back, and those of other types passed over (§3.15.1)", () => {
    const all = [
      attribute(0x7fff, "ff"),
      addressAttribute(parseAddress("10.9.0.10")),
      dnsAttribute(parseAddress("fd02::53")),
      addressAttribute(parseAddress("fd09::1")),
      dnsAttribute(parseAddress("10.2.0.53")),
      subnetAttribute({ ...parseAddress("10.2.0.0"), length: 16 }),
      subnetAttribute({ ...parseAddress("fd02::"), length: 32 }),
    ];
    assert.deepEqual(addressesIn(all, 4), [parseAddress("10.9.0.10")]);
    assert.deepEqual(addressesIn(all, 6), [parseAddress("fd09::1")]);
    assert.deepEqual(dnsServersIn(all), [parseAddress("10.2.0.53"), parseAddress("fd02::53")]);
    assert.deepEqual(subnetsIn(all), [
      { ...parseAddress("10.2.0.0"), length: 16 },
      { ...parseAddress("fd02::"), length: 32 },
    ]);
  });

  it("take an IPv6 address without a prefix length, as some send it", () => {
    assert.deepEqual(addressesIn([attribute(Attribute.INTERNAL_IP6_ADDRESS, SUBNET6)], 6), [parseAddress("fd02::")]);
  });

  it("of networks lose their host bits, and those whose mask is no prefix are left out", () => {
    const subnet = (value: string): ConfigurationAttributeValue => attribute(Attribute.INTERNAL_IP4_SUBNET, value);
    assert.deepEqual(
      subnetsIn([subnet("0a0203040000ffff"), subnet("0a020304ffff0000"), attribute(Attribute.INTERNAL_IP6_SUBNET, `${SUBNET6}81`)]),
      [{ ...parseAddress("10.2.0.0"), length: 16 }],
    );
  });

  for (const [type, read, family] of [
    [Attribute.INTERNAL_IP4_ADDRESS, (value) => addressesIn([value], 4), 4],
    [Attribute.INTERNAL_IP6_ADDRESS, (value) => addressesIn([value], 6), 6],
    [Attribute.INTERNAL_IP4_DNS, (value) => dnsServersIn([value]), 4],
    [Attribute.INTERNAL_IP6_DNS, (value) => dnsServersIn([value]), 6],
    [Attribute.INTERNAL_IP4_SUBNET, (value) => subnetsIn([value]), 4],
    [Attribute.INTERNAL_IP6_SUBNET, (value) => subnetsIn([value]), 6],
  ] as [number, (value: ConfigurationAttributeValue) => unknown, AddressFamily][]) {
    it(`${Attribute.nameOf(type)}: a length of another type is malformed`, () => {
      for (const length of family === 4 ? [1, 3, 5, 7, 9, 16] : [1, 4, 15, 18]) {
        assertMalformed(() => read({ type, value: new Uint8Array(length) }), "bad-length");
      }
    });
  }

  it("of any octets are read or refused, and nothing else", () => {
    forAll(fc.array(fc.record({ type: fc.integer({ min: 0, max: 20 }), value: octets(0, 20) }), { maxLength: 8 }), (attributes) => {
      for (const read of [
        () => addressesIn(attributes, 4),
        () => addressesIn(attributes, 6),
        () => dnsServersIn(attributes),
        () => subnetsIn(attributes),
      ])
        acceptsOrRefuses(read);
    });
  });
});

describe("configurationOf", () => {
  it("puts the payloads of one kind together, and tells none from an empty one", () => {
    const [first, second] = [attribute(1, ""), attribute(3, "")];
    const payloads = [
      { type: "CP" as const, configType: ConfigurationType.CFG_REQUEST, attributes: [first] },
      { type: "CP" as const, configType: ConfigurationType.CFG_SET, attributes: [] },
      { type: "CP" as const, configType: ConfigurationType.CFG_REQUEST, attributes: [second] },
    ];
    assert.deepEqual(configurationOf(payloads, ConfigurationType.CFG_REQUEST), [first, second]);
    assert.deepEqual(configurationOf(payloads, ConfigurationType.CFG_SET), []);
    assert.equal(configurationOf(payloads, ConfigurationType.CFG_REPLY), undefined);
  });
});
