/** `hawser status` for people: connections with their IKE SAs, groups with a table of their Child SAs, and what was dropped and why. */
import type { ChildSaStatus, ConnectionStatus, DaemonStatus, GroupStatus, IkeSaStatus } from "../../daemon/status.ts";
import { formatEspSpi } from "../../daemon/names.ts";
import type { Column } from "./table.ts";
import { table } from "./table.ts";
import { formatCount, formatDuration } from "./units.ts";

export function formatStatus(status: DaemonStatus): string {
  const { endpoint } = status;
  const known = new Set(endpoint.connections.map(({ name }) => name));
  const strangers = endpoint.ikeSas.filter(({ connection }) => connection === undefined || !known.has(connection));
  const blocks = [
    daemonLines(status),
    ...endpoint.connections.map((connection) => connectionLines(connection, status)),
    strangers.length === 0 ? [] : ["not authenticated yet", ...strangers.flatMap((sa) => ikeSaLines(sa))],
    poolLines(status),
    resteerLines(status),
    dropLines(status),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n")}\n`;
}

function daemonLines({ version, pid, uptime, tun, cpus, dataPlane, localAddresses }: DaemonStatus): string[] {
  const { engine } = dataPlane;
  const degraded = tun.dispatch.reason === undefined ? "" : ` (${tun.dispatch.reason})`;
  const lines = [
    `hawser ${version}, process ${pid}, up ${formatDuration(uptime)}, on ${localAddresses.join(" ")}`,
    `${cpus.length} workers, engine ${engine.name} ${engine.version}, device ${tun.name} with MTU ${tun.mtu}, dispatch ${tun.dispatch.mode}${degraded}`,
  ];
  const isIdentity = cpus.every((cpu, index) => cpu === index);
  if (!isIdentity) lines.push(`workers run on CPUs: ${cpus.map((cpu, index) => `${index} on ${cpu}`).join(", ")}`);
  return lines;
}

function connectionLines(connection: ConnectionStatus, { endpoint }: DaemonStatus): string[] {
  const lastError = connection.lastError === undefined ? "" : `; last error: ${connection.lastError}`;
  const ikeSas = endpoint.ikeSas.filter((sa) => sa.connection === connection.name);
  const groups = endpoint.groups.filter((group) => group.connection === connection.name);
  const idle = connection.children.filter((child) => !groups.some((group) => group.child === child));
  return [
    `${connection.name}: ${connection.state}${lastError}`,
    ...ikeSas.flatMap((sa) => ikeSaLines(sa)),
    ...groups.flatMap((group) => groupLines(group, endpoint.childSas)),
    ...idle.map((child) => `  ${child}: no Child SA`),
  ];
}

function ikeSaLines(sa: IkeSaStatus): string[] {
  const ends = `${sa.localId ?? "?"} [${at(sa.local)}] === ${sa.remoteId ?? "?"} [${at(sa.remote)}]`;
  const nat =
    sa.natHere || sa.natThere ? `, NAT ${[sa.natHere ? "here" : "", sa.natThere ? "there" : ""].filter(Boolean).join(" and ")}` : "";
  const busy = sa.outstanding + sa.queued === 0 ? "" : `, ${sa.outstanding} requests outstanding, ${sa.queued} queued`;
  return [
    `  IKE SA #${sa.id} ${sa.state}, ${sa.role}, ${sa.initiatorSpi}_i ${sa.responderSpi}_r`,
    `    ${ends}${nat}${sa.encapsulation === "none" ? ", ESP without UDP" : ""}`,
    ...(sa.localAuth === undefined ? [] : [`    authenticated by ${sa.localAuth} === ${sa.remoteAuth ?? "?"}`]),
    ...virtualLines(sa),
    `    ${sa.algorithms ?? "no algorithms yet"}, ${formatDuration(sa.age)} old${rekeyText(sa.rekeyIn)}${busy}`,
  ];
}

/** Addresses that the peer has given us, and we to the peer. */
function virtualLines({ virtual: { addresses, dnsServers, subnets }, leases }: IkeSaStatus): string[] {
  const dns = dnsServers.length === 0 ? "" : `, DNS servers ${dnsServers.join(" ")}`;
  const networks = subnets.length === 0 ? "" : `, networks ${subnets.join(" ")}`;
  return [
    ...(addresses.length === 0 ? [] : [`    virtual addresses ${addresses.join(" ")}${dns}${networks}`]),
    ...(leases.length === 0
      ? []
      : [`    has the virtual addresses ${leases.map(({ address, pool }) => `${address} (${pool})`).join(", ")}`]),
  ];
}

function poolLines({ endpoint: { pools } }: DaemonStatus): string[] {
  if (pools.length === 0) return [];
  const columns: readonly Column<(typeof pools)[number]>[] = [
    { title: "pool", value: ({ name }) => name },
    { title: "addresses", value: ({ first, last }) => `${first}-${last}` },
    { title: "in use", value: ({ inUse }) => String(inUse), align: "right" },
    { title: "kept for the last owner", value: ({ remembered }) => String(remembered), align: "right" },
  ];
  return table(columns, pools);
}

function groupLines(group: GroupStatus, childSas: readonly ChildSaStatus[]): string[] {
  const members = childSas.filter(({ id }) => group.members.includes(id)).sort((a, b) => a.cpu - b.cpu || a.id - b.id);
  const reason = group.reason === undefined ? "" : `: ${group.reason}`;
  // A CPU with an SA of its own is in the table: an entry that says the same needs no line.
  const without = group.cpus.filter(({ entry }) => entry !== "own");
  const transport = members[0]?.mode === "transport" ? ", transport mode" : "";
  return [
    `  ${group.child}: ${group.localTs.join(" ")} === ${group.remoteTs.join(" ")}${transport}`,
    `    ${group.scheme}, ${group.mode}${reason}`,
    ...(members.length === 0 ? [] : table(CHILD_COLUMNS, members).map((line) => `    ${line}`)),
    ...without.map((cpu) => `    ${entryText(cpu)}`),
  ];
}

/** How a CPU without an SA of its own sends, and why it has none. */
function entryText({ cpu, entry, sa, why, asksAgainIn }: GroupStatus["cpus"][number]): string {
  const way = sa === undefined ? entry : `${entry}, SA #${sa}`;
  const wait = asksAgainIn === undefined ? "" : `; does not ask again for ${formatDuration(asksAgainIn)}`;
  return `CPU ${cpu}: ${way}${why === undefined ? "" : `: ${why}`}${wait}`;
}

const CHILD_COLUMNS: readonly Column<ChildSaStatus>[] = [
  { title: "CPU", value: ({ cpu, shared }) => (shared ? `${cpu}+` : String(cpu)), align: "right" },
  { title: "SA", value: ({ id }) => `#${id}`, align: "right" },
  { title: "SPI in", value: ({ spiIn }) => formatEspSpi(spiIn) },
  { title: "SPI out", value: ({ spiOut }) => formatEspSpi(spiOut) },
  { title: "packets in", value: ({ packetsIn }) => formatCount(packetsIn), align: "right" },
  { title: "octets in", value: ({ bytesIn }) => formatCount(bytesIn), align: "right" },
  { title: "packets out", value: ({ packetsOut }) => formatCount(packetsOut), align: "right" },
  { title: "octets out", value: ({ bytesOut }) => formatCount(bytesOut), align: "right" },
  { title: "cipher", value: ({ cipher, esn }) => `${cipher}${esn ? "-esn" : ""}` },
  { title: "state", value: ({ state }) => state },
  { title: "rekey in", value: ({ rekeyIn }) => (rekeyIn === undefined ? "never" : formatDuration(rekeyIn)), align: "right" },
];

/** What workers handed to each other: packets of CPUs without an own SA, and packets that the kernel steered elsewhere. */
function resteerLines({ dataPlane }: DaemonStatus): string[] {
  const moved = dataPlane.perWorker.flatMap((worker, cpu) => {
    const parts = [
      worker.resteeredTo > 0 ? `${formatCount(worker.resteeredTo)} packets handed to other CPUs' SAs` : "",
      worker.resteeredFrom > 0 ? `${formatCount(worker.resteeredFrom)} taken from them` : "",
      worker.misdirectedTo > 0 ? `${formatCount(worker.misdirectedTo)} ESP packets passed on to their SA` : "",
    ].filter(Boolean);
    return parts.length === 0 ? [] : [`  CPU ${cpu}: ${parts.join(", ")}`];
  });
  return moved.length === 0 ? [] : ["handed on between CPUs", ...moved];
}

function dropLines({ dataPlane, endpoint }: DaemonStatus): string[] {
  const esp = Object.entries(dataPlane.drops).map(([name, count]) => ({
    name,
    count,
    text: dataPlane.dropTexts[name as keyof typeof dataPlane.dropTexts] ?? "",
  }));
  const ike = Object.entries(endpoint.counters.drops).map(([name, count]) => ({ name: `ike.${name}`, count, text: "" }));
  const rows = [...esp, ...ike].filter(({ count }) => count > 0);
  if (rows.length === 0) return [];
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { title: "dropped", value: ({ count }) => formatCount(count), align: "right" },
    { title: "reason", value: ({ name }) => name },
    { title: "", value: ({ text }) => text },
  ];
  return table(columns, rows);
}

function rekeyText(rekeyIn: number | undefined): string {
  return rekeyIn === undefined ? "" : `, rekey in ${formatDuration(rekeyIn)}`;
}

function at({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
