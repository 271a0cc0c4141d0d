/** What may be wrong between pools of virtual addresses, the children that are for them, and the rest of the configuration. */
import type { ChildConfig, ConnectionConfig, PoolConfig } from "../../ike/config.ts";
import { isDynamic, withAnyAddress } from "../../ipsec/dynamic-selectors.ts";
import type { Address } from "../../wire/address.ts";
import { containsAddress } from "../network-prefixes.ts";
import type { InterfaceAddress } from "./addresses.ts";
import type { Finding } from "./explain.ts";

/** No address may be given to two peers, or be this host's own. */
export function checkPools(pools: readonly PoolConfig[], ownAddresses: readonly InterfaceAddress[]): Finding[] {
  return pools.flatMap((pool, index) => {
    const { name, range } = pool;
    const path = ["pools", name, "addrs"];
    const overlapping = pools.slice(0, index).find(({ range: other }) => {
      return other.family === range.family && other.start <= range.end && range.start <= other.end;
    });
    const own = ownAddresses.find(({ address }) => containsAddress([range], address));
    return [
      ...(overlapping === undefined
        ? []
        : [{ path, text: `These addresses overlap with those of the pool ${overlapping.name}; two peers could get the same one.` }]),
      ...(own === undefined
        ? []
        : [
            {
              path,
              text: `${own.address} in daemon.tun.addresses is one of these, and could be given to a peer; leave it out of the range.`,
            },
          ]),
    ];
  });
}

/** Where "dynamic" stands, there must be addresses that it can stand for. */
export function checkVirtualAddresses(connection: ConnectionConfig, pools: readonly PoolConfig[]): Finding[] {
  const path = ["connections", connection.name];
  const known = pools.map(({ name }) => name);
  const findings: Finding[] = connection.pools
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: [...path, "pools"],
      text: `There is no pool "${name}"; ${known.length === 0 ? 'add it to "pools"' : `there are ${known.join(", ")}`}.`,
    }));
  if (new Set(connection.vips.map(({ family }) => family)).size < connection.vips.length) {
    findings.push({
      path: [...path, "vips"],
      text: "One address of each family can be asked for: 0.0.0.0 and ::, or two that are wished for.",
    });
  }
  for (const child of connection.children) findings.push(...checkDynamic(connection, child, [...path, "children", child.name]));
  return findings;
}

function checkDynamic({ vips, pools }: ConnectionConfig, child: ChildConfig, path: readonly string[]): Finding[] {
  if (child.mode === "transport") return [];
  const findings: Finding[] = [];
  if (child.localTs.some(isDynamic) && vips.length === 0) {
    const text = '"dynamic" is the address that the peer gives us; say with vips of the connection which to ask for, such as 0.0.0.0.';
    findings.push({ path: [...path, "local_ts"], text });
  }
  if (child.remoteTs.some(isDynamic) && pools.length === 0) {
    const text = '"dynamic" is the address that the peer gets from us; say with pools of the connection where from.';
    findings.push({ path: [...path, "remote_ts"], text });
  }
  if (child.remoteTs.every(isDynamic) && child.startAction !== "none") {
    const text = `"${child.startAction}" cannot be here: a peer has its virtual address only when it has begun itself; use none.`;
    findings.push({ path: [...path, "start_action"], text });
  }
  return findings;
}

/** Sentences about what works less well than it looks. */
export function warnVirtualAddresses({ name, children }: ConnectionConfig): string[] {
  return children
    .filter(({ mode, localTs, startAction }) => mode === "tunnel" && startAction === "trap" && localTs.some(isDynamic))
    .map(
      (child) =>
        `The child ${name}/${child.name} waits for a packet (trap), which has not got the virtual address yet and is lost, and its connection with it: start_action: start is better.`,
    );
}

export interface FamiliesOfChild {
  readonly local: ReadonlySet<Address["family"]>;
  readonly remote: ReadonlySet<Address["family"]>;
}

/** Address families that a child's packets can have, on each side; none is known of "dynamic" in transport mode, where it is a peer from anywhere. */
export function familiesOfChild(child: ChildConfig, { vips, pools }: ConnectionConfig, configs: readonly PoolConfig[]): FamiliesOfChild {
  const isTransport = child.mode === "transport";
  const ofPools = configs.filter(({ name }) => pools.includes(name)).map(({ range }) => range.family);
  const families = (selectors: ChildConfig["localTs"], dynamic: readonly Address["family"][]): ReadonlySet<Address["family"]> =>
    new Set(withAnyAddress(selectors, dynamic).map(({ family }) => family));
  return {
    local: families(child.localTs, isTransport ? [] : vips.map(({ family }) => family)),
    remote: families(child.remoteTs, isTransport ? [] : ofPools),
  };
}
