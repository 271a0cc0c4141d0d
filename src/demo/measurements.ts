/** What the demonstration has found out. */
import { formatEspSpi } from "../daemon/names.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import type { PingResult } from "./traffic/echo.ts";

export interface EndMeasurements {
  readonly end: "left" | "right";
  /** After the pings, before the bulk transfer. */
  readonly afterPings: DaemonStatus;
  readonly final: DaemonStatus;
  /** Exit status of the daemon after `hawser down`; undefined when it was left running. */
  readonly exitStatus: number | null | undefined;
}

export interface Measurements {
  /** Workers asked for at each end. */
  readonly cpus: number;
  readonly ends: readonly EndMeasurements[];
  readonly pings: PingResult;
  readonly tunnelGbps: number;
  readonly plainGbps: number;
  readonly sender: string;
  readonly leaked: { readonly packets: number; readonly examples: readonly string[] };
}

/** What the own Child SA of one CPU at one end has carried. */
export interface CpuReport {
  readonly end: "left" | "right";
  readonly cpu: number;
  /** Eight hexadecimal digits; empty when the CPU has no SA of its own. */
  readonly spiIn: string;
  readonly spiOut: string;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export function cpuReports({ cpus, ends }: Measurements): CpuReport[] {
  return ends.flatMap(({ end, final }) => Array.from({ length: cpus }, (_, cpu) => cpuReport(end, cpu, final)));
}

/**
 * The SA that the CPU sends on, together with what else is its own: an SA that both ends asked for at once, or one that was rekeyed. The SA for all
 * CPUs is no CPU's own.
 */
function cpuReport(end: "left" | "right", cpu: number, { endpoint }: DaemonStatus): CpuReport {
  const entry = endpoint.groups.flatMap(({ cpus }) => cpus).find((candidate) => candidate.cpu === cpu);
  const onCpu = endpoint.childSas.filter((sa) => sa.cpu === cpu && !sa.shared);
  const own = onCpu.find(({ id }) => id === entry?.sa) ?? onCpu[0];
  const sum = (value: (sa: (typeof onCpu)[number]) => number): number => onCpu.reduce((total, sa) => total + value(sa), 0);
  return {
    end,
    cpu,
    spiIn: own === undefined ? "" : formatEspSpi(own.spiIn),
    spiOut: own === undefined ? "" : formatEspSpi(own.spiOut),
    packetsIn: sum(({ packetsIn }) => packetsIn),
    packetsOut: sum(({ packetsOut }) => packetsOut),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
  };
}

/** Drops of both ends by reason, IKE's among them. */
export function allDrops({ ends }: Measurements): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const { final } of ends) {
    for (const [name, count] of dropsOf(final)) if (count > 0) drops[name] = (drops[name] ?? 0) + count;
  }
  return drops;
}

export function dropsOf({ dataPlane, endpoint }: DaemonStatus): (readonly [name: string, count: number])[] {
  return [
    ...Object.entries(dataPlane.drops),
    ...Object.entries(endpoint.counters.drops).map(([name, count]) => [`ike.${name}`, count] as const),
  ];
}
