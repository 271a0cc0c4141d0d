/**
 * Attributes of the Configuration payload (RFC 7296 §3.15.1) ↔ what they mean. A reader of a value whose length its type does not allow throws
 * MalformedMessage; types that nobody here knows are never read.
 */
import { addressFromOctets, addressOctets, type Address, type AddressFamily } from "./address.ts";
import { MalformedMessage } from "./errors.ts";
import { ConfigurationAttribute } from "./iana/index.ts";
import { concat, Reader, Writer } from "./octets.ts";
import type { ConfigurationAttributeValue, CpPayload, Payload } from "./payload.ts";

/** A network, its host bits zero. */
export interface Prefix extends Address {
  readonly length: number;
}

type Attributes = readonly ConfigurationAttributeValue[];

/** The type of an attribute for each family. */
type ByFamily = Readonly<Record<AddressFamily, number>>;

const {
  INTERNAL_IP4_ADDRESS,
  INTERNAL_IP4_DNS,
  INTERNAL_IP4_SUBNET,
  INTERNAL_IP6_ADDRESS,
  INTERNAL_IP6_DNS,
  INTERNAL_IP6_SUBNET,
  APPLICATION_VERSION,
  SUPPORTED_ATTRIBUTES,
} = ConfigurationAttribute;

const ADDRESS: ByFamily = { 4: INTERNAL_IP4_ADDRESS, 6: INTERNAL_IP6_ADDRESS };
const DNS: ByFamily = { 4: INTERNAL_IP4_DNS, 6: INTERNAL_IP6_DNS };
const SUBNET: ByFamily = { 4: INTERNAL_IP4_SUBNET, 6: INTERNAL_IP6_SUBNET };

const FAMILIES = [4, 6] as const;
const NOTHING = new Uint8Array(0);

/** The prefix length that goes with an IPv6 address of a host. */
const HOST_PREFIX = 128;

/**
 * All attributes of the CP payloads of one iana ConfigurationType; undefined without such a payload. INFORMATIONAL may carry several (§1.4).
 */
export function configurationOf(payloads: readonly Payload[], configType: number): Attributes | undefined {
  const found = payloads.filter((payload): payload is CpPayload => payload.type === "CP" && payload.configType === configType);
  return found.length === 0 ? undefined : found.flatMap(({ attributes }) => attributes);
}

export const hasAttribute = (attributes: Attributes, type: number): boolean => attributes.some((attribute) => attribute.type === type);

/** The value may be the one that is wished for; all zeros wish for nothing. */
export function addressRequest({ family, value }: Address): ConfigurationAttributeValue {
  return value === 0n ? { type: ADDRESS[family], value: NOTHING } : addressAttribute({ family, value });
}

/** IPv6 addresses are those of one host, whatever else is behind the link. */
export function addressAttribute(address: Address): ConfigurationAttributeValue {
  const octets = addressOctets(address);
  return { type: ADDRESS[address.family], value: address.family === 4 ? octets : concat(octets, Uint8Array.of(HOST_PREFIX)) };
}

/** Undefined stands for an empty value, which only a request has. */
export function addressesIn(attributes: Attributes, family: AddressFamily): (Address | undefined)[] {
  return valuesOf(attributes, ADDRESS[family]).map((value) => {
    if (value.length === 0) return undefined;
    // Some leave out the prefix length.
    const hasPrefix = family === 6 && value.length === 17;
    return requireAddress(hasPrefix ? value.subarray(0, 16) : value, family, ADDRESS[family]);
  });
}

export const dnsRequest = (family: AddressFamily): ConfigurationAttributeValue => ({ type: DNS[family], value: NOTHING });

export function dnsAttribute(server: Address): ConfigurationAttributeValue {
  return { type: DNS[server.family], value: addressOctets(server) };
}

/** Empty values left out. */
export function dnsServersIn(attributes: Attributes): Address[] {
  return FAMILIES.flatMap((family) => filled(valuesOf(attributes, DNS[family])).map((value) => requireAddress(value, family, DNS[family])));
}

export const asksForDns = (attributes: Attributes, family: AddressFamily): boolean => hasAttribute(attributes, DNS[family]);

/** IPv4 with a mask, IPv6 with a length. */
export function subnetAttribute({ family, value, length }: Prefix): ConfigurationAttributeValue {
  const octets = addressOctets({ family, value });
  const mask = family === 4 ? addressOctets({ family, value: netmask(length) }) : Uint8Array.of(length);
  return { type: SUBNET[family], value: concat(octets, mask) };
}

/** Empty values left out, as are masks that are no prefix: no route is made of those. */
export function subnetsIn(attributes: Attributes): Prefix[] {
  return FAMILIES.flatMap((family) => filled(valuesOf(attributes, SUBNET[family])).flatMap((value) => subnetOf(value, family) ?? []));
}

/** Printable ASCII (§3.15.1). */
export function applicationVersion(text: string): ConfigurationAttributeValue {
  return { type: APPLICATION_VERSION, value: new TextEncoder().encode(text) };
}

/** The answer to a query for them: two octets for each. */
export function supportedAttributes(types: readonly number[]): ConfigurationAttributeValue {
  const writer = new Writer();
  for (const type of types) writer.u16(type);
  return { type: SUPPORTED_ATTRIBUTES, value: writer.finish() };
}

/** Of IPv4: 24 is 255.255.255.0. */
function netmask(length: number): bigint {
  return (0xffffffffn << BigInt(32 - length)) & 0xffffffffn;
}

function subnetOf(value: Uint8Array, family: AddressFamily): Prefix | undefined {
  const reader = new Reader(value);
  const octets = family === 4 ? 4 : 16;
  if (value.length !== (family === 4 ? 8 : 17)) throw badLength(SUBNET[family], value);
  const address = reader.unsigned(octets);
  const length = family === 4 ? lengthOfMask(reader.unsigned(4)) : reader.u8();
  const bits = octets * 8;
  if (length === undefined || length > bits) return undefined;
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  return { family, value: address & ~hostMask, length };
}

function lengthOfMask(mask: bigint): number | undefined {
  for (let length = 0; length <= 32; length++) if (netmask(length) === mask) return length;
  return undefined;
}

const valuesOf = (attributes: Attributes, type: number): Uint8Array[] =>
  attributes.filter((attribute) => attribute.type === type).map(({ value }) => value);

const filled = (values: readonly Uint8Array[]): Uint8Array[] => values.filter(({ length }) => length > 0);

function requireAddress(value: Uint8Array, family: AddressFamily, type: number): Address {
  const address = addressFromOctets(value);
  if (address?.family !== family) throw badLength(type, value);
  return address;
}

function badLength(type: number, { length }: Uint8Array): MalformedMessage {
  return new MalformedMessage("bad-length", `${ConfigurationAttribute.nameOf(type)} of ${length} octets`);
}
