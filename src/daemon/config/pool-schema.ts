/** Pools of virtual addresses as they are written in the configuration. */
import { z } from "zod";
import type { PoolConfig } from "../../ike/config.ts";
import { addressBits, parseAddress } from "../../wire/address.ts";
import type { Prefix } from "../../wire/configuration.ts";
import { InvalidText } from "../../wire/errors.ts";
import { parsePrefix } from "../../wire/traffic-selector.ts";
import { optionalListOf, required } from "./fields.ts";

export const poolSchema = z.strictObject({
  addrs: required(parsePoolRange, {
    about: "Virtual addresses to give to peers: a prefix, of which the first and the last address are not given out, or a range.",
    expects: "a prefix such as 10.9.0.0/24 or a range such as 10.9.0.10-10.9.0.99",
  }),
  dns: optionalListOf(parseAddress, {
    about: "DNS servers that these peers are told of, if they ask.",
    expects: "a list of addresses",
    default: "none",
  }),
  subnet: optionalListOf(parseNetwork, {
    about: "Networks that these peers are told of (INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET); what they may reach is what local_ts says.",
    expects: "a list of prefixes such as 10.2.0.0/16",
    default: "none",
  }),
});

export type PoolSection = z.output<typeof poolSchema>;

export function poolConfigs(sections: Readonly<Record<string, PoolSection>>): PoolConfig[] {
  return Object.entries(sections).map(([name, { addrs, dns, subnet }]) => ({
    name,
    range: addrs,
    dnsServers: dns ?? [],
    subnets: subnet ?? [],
  }));
}

/** As swanctl does, without the first and the last address of a prefix that has more than two: in IPv4 they belong to the network. */
function parsePoolRange(text: string): PoolConfig["range"] {
  requirePlain(text);
  const { family, start, end } = parsePrefix(text);
  const isWhole = text.includes("-") || end - start < 2n;
  return isWhole ? { family, start, end } : { family, start: start + 1n, end: end - 1n };
}

function parseNetwork(text: string): Prefix {
  requirePlain(text);
  const range = parsePrefix(text);
  const hostBits = (range.end - range.start + 1n).toString(2).length - 1;
  const length = addressBits(range.family) - hostBits;
  const isPrefix = range.end - range.start + 1n === 1n << BigInt(hostBits) && range.start % (1n << BigInt(hostBits)) === 0n;
  if (!isPrefix) throw new InvalidText(`"${text}" is not one prefix such as 10.2.0.0/16.`);
  return { family: range.family, value: range.start, length };
}

function requirePlain(text: string): void {
  if (text.includes("[")) throw new InvalidText(`"${text}" has a protocol; here only addresses can stand.`);
}
