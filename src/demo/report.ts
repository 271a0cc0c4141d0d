/** What the demonstration prints. */
import { table } from "../cli/format/table.ts";
import type { Column } from "../cli/format/table.ts";
import { formatCount } from "../cli/format/units.ts";
import { allDrops, cpuReports } from "./measurements.ts";
import type { CpuReport, EndMeasurements, Measurements } from "./measurements.ts";

/** One line: the object that `--json` promises. */
export function jsonReport(measurements: Measurements, failures: readonly string[]): string {
  const { cpus, ends, pings, tunnelGbps, plainGbps, leaked } = measurements;
  return JSON.stringify({
    childSas: Math.min(...ends.map(({ final }) => final.endpoint.childSas.length)),
    cpus,
    perCpu: cpuReports(measurements),
    pingLoss: pings.sent - pings.received,
    tunnelGbps: round(tunnelGbps),
    plainGbps: round(plainGbps),
    engine: engineOf(measurements),
    leaked: leaked.packets,
    drops: allDrops(measurements),
    ok: failures.length === 0,
    failures,
  });
}

export function humanReport(measurements: Measurements, failures: readonly string[]): string {
  const { pings, tunnelGbps, plainGbps, leaked, sender } = measurements;
  const drops = Object.entries(allDrops(measurements));
  return [
    ...table(CPU_COLUMNS, cpuReports(measurements)),
    "",
    ...measurements.ends.flatMap((end) => [...modeLines(end), ...entryLines(end), ...resteerLines(end)]),
    "",
    `pings        ${pings.sent} sent, ${pings.sent - pings.received} lost`,
    `bulk TCP     ${tunnelGbps.toFixed(2)} Gbit/s through the tunnel, ${plainGbps.toFixed(2)} Gbit/s without it: ${(tunnelGbps / plainGbps).toFixed(2)} of it (${sender}, engine ${engineOf(measurements)})`,
    `on the wire  ${leaked.packets === 0 ? "nothing but ESP and IKE" : `${leaked.packets} packets that are neither ESP nor IKE`}`,
    `drops        ${drops.length === 0 ? "none" : drops.map(([name, count]) => `${name} ${count}`).join(", ")}`,
    "",
    failures.length === 0 ? "All expectations held." : `Not as expected:\n${failures.map((failure) => `  - ${failure}`).join("\n")}`,
  ].join("\n");
}

const CPU_COLUMNS: readonly Column<CpuReport>[] = [
  { title: "end", value: ({ end }) => end },
  { title: "CPU", value: ({ cpu }) => String(cpu), align: "right" },
  { title: "SPI in", value: ({ spiIn }) => spiIn || "none" },
  { title: "SPI out", value: ({ spiOut }) => spiOut || "none" },
  { title: "packets in", value: ({ packetsIn }) => formatCount(packetsIn), align: "right" },
  { title: "octets in", value: ({ bytesIn }) => formatCount(bytesIn), align: "right" },
  { title: "packets out", value: ({ packetsOut }) => formatCount(packetsOut), align: "right" },
  { title: "octets out", value: ({ bytesOut }) => formatCount(bytesOut), align: "right" },
];

function modeLines({ end, final }: EndMeasurements): string[] {
  return final.endpoint.groups.map(({ scheme, mode, reason }) => `${end}: ${scheme}, ${mode}${reason === undefined ? "" : ` (${reason})`}`);
}

/** Which entry each CPU sends by, and what the SA for all CPUs has carried. */
function entryLines({ end, final: { endpoint } }: EndMeasurements): string[] {
  const entries = endpoint.groups.flatMap(({ cpus }) =>
    cpus.map(({ cpu, entry, sa, why }) => {
      const way = sa === undefined ? entry : `${entry}, SA #${sa}`;
      return `${end}: CPU ${cpu} sends by: ${way}${why === undefined ? "" : ` (${why})`}`;
    }),
  );
  const shared = endpoint.childSas
    .filter((sa) => sa.shared)
    .map(
      ({ id, cpu, packetsIn, packetsOut }) =>
        `${end}: SA #${id}, for all CPUs, sent ${formatCount(packetsOut)} packets and received ${formatCount(packetsIn)} on CPU ${cpu}`,
    );
  return [...entries, ...shared];
}

/** Who re-steered what: packets that met a CPU before it had its own SA. */
function resteerLines({ end, final }: EndMeasurements): string[] {
  return final.dataPlane.perWorker.flatMap(({ resteeredTo, resteeredFrom }, cpu) =>
    resteeredTo + resteeredFrom === 0
      ? []
      : [`${end}: CPU ${cpu} handed ${formatCount(resteeredTo)} packets to CPUs that had an SA, and took ${formatCount(resteeredFrom)}`],
  );
}

function engineOf({ ends }: Measurements): string {
  return ends[0]?.final.dataPlane.engine.name ?? "none";
}

/** Mbit/s are exact enough. */
function round(gbps: number): number {
  return Math.round(gbps * 1000) / 1000;
}
