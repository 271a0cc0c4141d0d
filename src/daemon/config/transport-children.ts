/** Children in transport mode: their selectors are the two hosts' own addresses, which the connection names already. */
import { matchesAddress } from "../../ike/addresses.ts";
import type { ChildConfig, ConnectionConfig } from "../../ike/config.ts";
import { formatConfiguredSelector, isDynamic, isStatic, withAddresses, type ConfiguredSelector } from "../../ipsec/dynamic-selectors.ts";
import { formatAddress, parseAddress } from "../../wire/address.ts";
import { isPlainAddress } from "./addresses.ts";
import type { Finding } from "./explain.ts";

/** With "dynamic" replaced by the end's addresses, where the connection has plain ones alone; else it is known when a peer comes. */
export function withOwnAddresses(selectors: readonly ConfiguredSelector[], addrs: readonly string[]): readonly ConfiguredSelector[] {
  return addrs.every(isPlainAddress) ? withAddresses(selectors, addrs.map(parseAddress)) : selectors;
}

/** Nothing else has an IP header that could stand for that of ESP (RFC 4303 §3.1.1). */
export function checkTransport(child: ChildConfig, path: readonly string[], { localAddrs, remoteAddrs }: ConnectionConfig): Finding[] {
  if (child.mode === "tunnel") return [];
  const foreign = (key: string, selectors: readonly ConfiguredSelector[], whose: string, addrs: readonly string[]): Finding[] =>
    selectors
      .filter((selector) => !isDynamic(selector) && !isOneOf(selector, addrs))
      .map((selector) => ({
        path: [...path, key],
        text: `${formatConfiguredSelector(selector)} is not ${whose} in ${key === "local_ts" ? "local_addrs" : "remote_addrs"}: transport mode is between the two hosts alone; use dynamic, or mode: tunnel.`,
      }));
  const findings = [
    ...foreign("local_ts", child.localTs, "an address of this host", localAddrs),
    ...foreign("remote_ts", child.remoteTs, "an address of the peer", remoteAddrs),
  ];
  if (child.startAction === "trap" && child.remoteTs.every(isDynamic)) {
    const text = "A packet can ask only if it is known for whom: give remote_addrs plain addresses, or name the peer's here.";
    findings.push({ path: [...path, "remote_ts"], text });
  }
  return findings;
}

function isOneOf(selector: ConfiguredSelector, addrs: readonly string[]): boolean {
  return isStatic(selector) && selector.start === selector.end && matchesAddress(addrs, formatAddress(selector.family, selector.start));
}
