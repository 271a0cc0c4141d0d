/** What no key is wrong in by itself, but what two of them say together. */
import type { ChildConfig, ConnectionConfig, EndpointConfig } from "../../ike/config.ts";
import { isStatic } from "../../ipsec/dynamic-selectors.ts";
import { findSecret } from "../../ike/pad.ts";
import { formatIdentity } from "../../ike/identity.ts";
import { parsePrefix } from "../../wire/traffic-selector.ts";
import { prefixesOf } from "../network-prefixes.ts";
import { isPlainAddress } from "./addresses.ts";
import type { HawserConfig } from "./config.ts";
import type { Finding } from "./explain.ts";
import { checkPools, checkVirtualAddresses, familiesOfChild, warnVirtualAddresses, type FamiliesOfChild } from "./pools.ts";
import { checkTransport } from "./transport-children.ts";

/** IPv6 cannot be carried below this MTU (RFC 8200 §5). */
const IPV6_MIN_MTU = 1280;

export function crossCheck({ endpoint, daemon }: HawserConfig): { findings: Finding[]; warnings: string[] } {
  const findings: Finding[] = [];
  const warnings: string[] = [];
  for (const connection of endpoint.connections) {
    findings.push(...checkConnection(connection, endpoint), ...checkNullAuthentication(connection, endpoint.connections));
    findings.push(...checkVirtualAddresses(connection, endpoint.pools));
    warnings.push(...warnConnection(connection), ...warnVirtualAddresses(connection));
  }
  findings.push(...checkPools(endpoint.pools, daemon.tun.addresses));
  if (endpoint.ikePort === endpoint.natPort) {
    findings.push({
      path: ["daemon", "nat_port"],
      text: `IKE and ESP cannot both have port ${endpoint.natPort}; give them different ports.`,
    });
  }
  if (endpoint.draftNotifies.cpuQueues === endpoint.draftNotifies.cpuQueueInfo) {
    findings.push({
      path: ["daemon", "cpu_queue_info_notify"],
      text: "Two notifies cannot have one number; it must differ from cpu_queues_notify.",
    });
  }
  const usesIpv6 = endpoint.connections.some((connection) =>
    connection.children.some((child) => familiesOfChild(child, connection, endpoint.pools).local.has(6)),
  );
  if (usesIpv6 && daemon.tun.mtu !== undefined && daemon.tun.mtu < IPV6_MIN_MTU) {
    findings.push({
      path: ["daemon", "tun", "mtu"],
      text: `${daemon.tun.mtu} is too small for the IPv6 selectors configured; it must be ${IPV6_MIN_MTU} at least.`,
    });
  }
  return { findings, warnings };
}

function checkConnection(connection: ConnectionConfig, { secrets, pools }: EndpointConfig): Finding[] {
  const path = ["connections", connection.name];
  const findings: Finding[] = [];
  if (connection.children.length === 0 && connection.childless === "never") {
    const text = "There is no child, and childless: never allows no IKE SA without one; add a child.";
    findings.push({ path: [...path, "children"], text });
  }
  const { local, remote } = connection;
  const { id } = remote;
  const needsSecret = local.auth === "psk" || remote.auth === "psk";
  const known = id === "%any" ? secrets.length > 0 : findSecret(secrets, local.id, id) !== undefined;
  if (needsSecret && !known) {
    const whom = id === "%any" ? "any peer" : `"${formatIdentity(id)}"`;
    findings.push({
      path: [...path, "remote"],
      text: `There is no secret for ${whom}; add one to "secrets", or take its "id" away there.`,
    });
  }
  const canInitiate = connection.remoteAddrs.some(isPlainAddress);
  for (const child of connection.children) {
    const childPath = [...path, "children", child.name];
    const families = familiesOfChild(child, connection, pools);
    findings.push(...checkChild(child, childPath, canInitiate, families), ...checkHostToHost(child, childPath, connection.remoteAddrs));
    findings.push(...checkTransport(child, childPath, connection));
  }
  return findings;
}

/** Whoever cannot prove to be a peer of the one connection must not get in by the other. */
function checkNullAuthentication({ name, remote, remoteAddrs }: ConnectionConfig, all: readonly ConnectionConfig[]): Finding[] {
  const takesAnyAddress = (addrs: readonly string[]): boolean => addrs.includes("%any");
  const other = all.find((each) => each.remote.auth !== "null" && takesAnyAddress(each.remoteAddrs));
  if (remote.auth !== "null" || !takesAnyAddress(remoteAddrs) || other === undefined) return [];
  const text = `A peer that ${other.name} refuses could come in here without any proof, as both take peers from %any; give this one remote_addrs of its own.`;
  return [{ path: ["connections", name, "remote", "auth"], text }];
}

function checkChild(child: ChildConfig, path: readonly string[], canInitiate: boolean, { local, remote }: FamiliesOfChild): Finding[] {
  const findings: Finding[] = [];
  if (child.startAction !== "none" && !canInitiate) {
    findings.push({
      path: [...path, "start_action"],
      text: `"${child.startAction}" needs a peer that can be called, but remote_addrs has no plain address; name one, or use none.`,
    });
  }
  const limits = [
    ["time", child.rekeyTime, child.lifeTime],
    ["bytes", child.rekeyBytes, child.lifeBytes],
    ["packets", child.rekeyPackets, child.lifePackets],
  ] as const;
  for (const [what, rekey, life] of limits) {
    if (life <= rekey && rekey !== Infinity) {
      findings.push({
        path: [...path, `life_${what}`],
        text: `An SA would end before it is rekeyed; this must be more than rekey_${what}.`,
      });
    }
  }
  // A side without any has a "dynamic" that nothing is known of, which is another finding.
  if (local.size > 0 && remote.size > 0 && ![...local].some((family) => remote.has(family))) {
    findings.push({
      path: [...path, "remote_ts"],
      text: "No packet can go from local_ts to remote_ts: one has only IPv4, the other only IPv6; give both sides the same family.",
    });
  }
  if (child.maxSas !== undefined && !child.perCpuSas) {
    findings.push({ path: [...path, "max_sas"], text: "This has no meaning without per_cpu_sas: yes." });
  }
  return findings;
}

/** Routes cannot tell the packets of the tunnel from those that should go into it when both have the same destination. */
function checkHostToHost(child: ChildConfig, path: readonly string[], remoteAddrs: readonly string[]): Finding[] {
  if (child.mode === "transport") return [];
  const peers = new Set(remoteAddrs.filter(isPlainAddress).map((address) => prefixesOf(parsePrefix(address)).join()));
  return child.remoteTs
    .filter(isStatic)
    .flatMap(prefixesOf)
    .filter((prefix) => peers.has(prefix))
    .map((prefix) => ({
      path: [...path, "remote_ts"],
      text: `${prefix} is the peer's own address, where the tunnel's packets themselves go; name addresses behind it, or use mode: transport.`,
    }));
}

function warnConnection(connection: ConnectionConfig): string[] {
  return [...warnOfNullAuthentication(connection), ...warnOfShape(connection)];
}

/** RFC 7619 §3: who has proved nothing may be anybody, also somebody between the two ends. */
function warnOfNullAuthentication({ name, local, remote }: ConnectionConfig): string[] {
  const peer =
    remote.auth === "null"
      ? [`The connection ${name} takes anybody as its peer (remote.auth: null): only its selectors limit what such a peer may reach.`]
      : [];
  const both = remote.auth === "null" && local.auth === "null";
  return both
    ? [...peer, `The connection ${name} authenticates neither end: whoever is between them can read and change everything.`]
    : peer;
}

function warnOfShape(connection: ConnectionConfig): string[] {
  if (connection.children.length === 0) return [`The connection ${connection.name} has no children: its IKE SA protects no traffic.`];
  const isRemoteAccess = !connection.remoteAddrs.some(isPlainAddress) && connection.children.some(({ perCpuSas }) => perCpuSas);
  if (!isRemoteAccess) return [];
  return [
    `The connection ${connection.name} takes peers from anywhere and has per_cpu_sas: RFC 9611 §1 does not mean it for remote access, where it multiplies the SAs of every peer.`,
  ];
}
