/**
 * A traffic selector: a range of addresses, a protocol and a range of ports (RFC 4301 §4.4.1.1, RFC 7296 §3.13.1), and the text that
 * operators read and write for it. Its octets are in payload/traffic-selectors.ts, its algebra (contains, narrows) in src/ipsec.
 */
import { addressBits, formatAddress, parseAddress, type AddressFamily } from "./address.ts";
import { InvalidText } from "./errors.ts";
import { IpProtocol } from "./iana/index.ts";

export { formatAddress, parseAddress } from "./address.ts";
export type { Address, AddressFamily } from "./address.ts";

/** All ranges include both ends; `start` <= `end` always. */
export interface TrafficSelector {
  readonly family: AddressFamily;
  /** 0 = any. */
  readonly protocol: number;
  /**
   * 0 to 65535 where ports do not matter. For ICMP and ICMPv6, type × 256 + code. {@link OPAQUE_PORTS}, the only `startPort` above
   * `endPort`, selects packets whose ports cannot be seen, such as non-first fragments.
   */
  readonly startPort: number;
  readonly endPort: number;
  readonly start: bigint;
  readonly end: bigint;
}

type PortRange = Pick<TrafficSelector, "startPort" | "endPort">;

export const ANY_PORTS = { startPort: 0, endPort: 65535 } as const satisfies PortRange;
export const OPAQUE_PORTS = { startPort: 65535, endPort: 0 } as const satisfies PortRange;

export const hasAnyPorts = (range: PortRange): boolean => range.startPort === 0 && range.endPort === 65535;
export const hasOpaquePorts = (range: PortRange): boolean => range.startPort === 65535 && range.endPort === 0;

/** The protocol names of swanctl.conf that matter here; the first name of a number is the one that is printed. */
const PROTOCOL_NAMES: readonly (readonly [name: string, protocol: number])[] = [
  ["icmp", IpProtocol.ICMP],
  ["tcp", IpProtocol.TCP],
  ["udp", IpProtocol.UDP],
  ["gre", IpProtocol.GRE],
  ["ipv6-icmp", IpProtocol.IPV6_ICMP],
  ["icmpv6", IpProtocol.IPV6_ICMP],
  ["sctp", IpProtocol.SCTP],
  ["udplite", IpProtocol.UDPLITE],
];

/** swanctl's word for protocol 0. */
const ANY_PROTOCOL = "any";

const isIcmp = (protocol: number): boolean => protocol === IpProtocol.ICMP || protocol === IpProtocol.IPV6_ICMP;

/** "10.0.0.0/8[tcp/80]", "fd00::1-fd00::9", "10.0.0.1/32[icmp/8(0)]": what {@link parsePrefix} reads back to the same selector. */
export function formatTrafficSelector(selector: TrafficSelector): string {
  const anyPorts = hasAnyPorts(selector);
  if (selector.protocol === 0 && anyPorts) return formatRange(selector);
  const name = PROTOCOL_NAMES.find(([, protocol]) => protocol === selector.protocol)?.[0] ?? selector.protocol.toString();
  return `${formatRange(selector)}[${name}${anyPorts ? "" : `/${formatPorts(selector)}`}]`;
}

function formatRange({ family, start, end }: TrafficSelector): string {
  const span = end - start + 1n;
  const hostBits = span.toString(2).length - 1;
  // A prefix is a block of a power of two, aligned to its size.
  const isPrefix = span === 1n << BigInt(hostBits) && start % span === 0n;
  if (isPrefix) return `${formatAddress(family, start)}/${addressBits(family) - hostBits}`;
  return `${formatAddress(family, start)}-${formatAddress(family, end)}`;
}

function formatPorts(selector: TrafficSelector): string {
  if (hasOpaquePorts(selector)) return "opaque";
  const { startPort, endPort } = selector;
  const format = (port: number): string => (isIcmp(selector.protocol) ? `${port >> 8}(${port & 0xff})` : port.toString());
  return startPort === endPort ? format(startPort) : `${format(startPort)}-${format(endPort)}`;
}

/**
 * Reads a selector as swanctl writes it in `local_ts` and `remote_ts`: an address, a prefix or a range `from-to`, then perhaps
 * `[protocol]` or `[protocol/port]`. The protocol is a name or number; the port is a number, a range `from-to`, "opaque", or for ICMP
 * `type`, `type(code)` or a range of `type(code)`. Host bits of a prefix are cleared, as swanctl does. Throws InvalidText.
 */
export function parsePrefix(text: string): TrafficSelector {
  const parts = /^([^[\]]+)(?:\[([^[\]/]+)(?:\/([^[\]/]+))?\])?$/.exec(text.trim());
  if (parts?.[1] === undefined) {
    throw new InvalidText(`"${text}" is not a traffic selector; write it as "10.0.0.0/8" or "10.0.0.0/8[tcp/80]".`);
  }
  const protocol = parts[2] === undefined ? 0 : parseProtocol(parts[2]);
  const ports = parts[3] === undefined ? ANY_PORTS : parsePorts(parts[3], protocol);
  const range = parts[1].includes("-") ? parseRange(parts[1]) : parseBlock(parts[1]);
  return { ...range, protocol, ...ports };
}

function parseBlock(text: string): Pick<TrafficSelector, "family" | "start" | "end"> {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const { family, value } = parseAddress(addressText);
  const bits = addressBits(family);
  const length = lengthText === undefined ? bits : parseNumber(lengthText, bits);
  if (length === undefined || rest.length > 0) throw new InvalidText(`"${text}" needs a prefix length from 0 to ${bits} after one "/".`);
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  return { family, start: value & ~hostMask, end: value | hostMask };
}

function parseRange(text: string): Pick<TrafficSelector, "family" | "start" | "end"> {
  const [from, to] = text.split("-", 2).map(parseAddress);
  if (from === undefined || to?.family !== from.family || to.value < from.value || text.split("-").length !== 2) {
    throw new InvalidText(`"${text}" is not a range from a lower to a higher address of one family.`);
  }
  return { family: from.family, start: from.value, end: to.value };
}

function parseProtocol(text: string): number {
  if (text === ANY_PROTOCOL) return 0;
  const protocol = PROTOCOL_NAMES.find(([name]) => name === text.toLowerCase())?.[1] ?? parseNumber(text, 255);
  if (protocol === undefined) {
    throw new InvalidText(
      `"${text}" is not a protocol; use a number from 0 to 255 or one of ${PROTOCOL_NAMES.map(([name]) => name).join(", ")}.`,
    );
  }
  return protocol;
}

function parsePorts(text: string, protocol: number): PortRange {
  if (text === "any") return ANY_PORTS;
  if (text === "opaque") return OPAQUE_PORTS;
  const [from, to, ...rest] = text.split("-").map((part) => (isIcmp(protocol) ? parseIcmp(part) : parsePort(part)));
  const startPort = from?.startPort;
  const endPort = (to ?? from)?.endPort;
  if (startPort === undefined || endPort === undefined || endPort < startPort || rest.length > 0) {
    throw new InvalidText(`"${text}" is not a port, a range from a lower to a higher port, "any" or "opaque".`);
  }
  return { startPort, endPort };
}

function parsePort(text: string): PortRange | undefined {
  const port = parseNumber(text, 65535);
  return port === undefined ? undefined : { startPort: port, endPort: port };
}

/** "8(0)" is one type and code; "8" is all codes of the type. */
function parseIcmp(text: string): PortRange | undefined {
  const parts = /^(\d+)(?:\((\d+)\))?$/.exec(text);
  const type = parts?.[1] === undefined ? undefined : parseNumber(parts[1], 255);
  const code = parts?.[2] === undefined ? undefined : parseNumber(parts[2], 255);
  if (type === undefined || (parts?.[2] !== undefined && code === undefined)) return undefined;
  return { startPort: type * 256 + (code ?? 0), endPort: type * 256 + (code ?? 255) };
}

function parseNumber(text: string, max: number): number | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  return value === undefined || value > max ? undefined : value;
}
