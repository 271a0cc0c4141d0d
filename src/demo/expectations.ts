/** What must hold at the end of the demonstration. */
import { cpuReports, dropsOf } from "./measurements.ts";
import type { Measurements } from "./measurements.ts";

/** How a packet network says that it is full. TCP asks for as much as there is, so a bulk transfer meets these; nothing else may. */
const CONGESTION: ReadonlySet<string> = new Set(["OutQueueFull", "RingFull", "TunWriteError"]);
/** Share of the packets that may be lost that way; TCP would not reach its speed beyond. */
const TOLERABLE_CONGESTION = 0.01;

/** A sentence for each expectation that failed. */
export function failedExpectations(measurements: Measurements): string[] {
  return [
    ...checkChildSas(measurements),
    ...checkCpus(measurements),
    ...checkPings(measurements),
    ...checkWire(measurements),
    ...checkDrops(measurements),
    ...checkThroughput(measurements),
    ...checkEnd(measurements),
  ];
}

function checkChildSas({ cpus, ends }: Measurements): string[] {
  return ends.flatMap(({ end, final }) => {
    const count = final.endpoint.childSas.length;
    return count >= cpus ? [] : [`${end} has ${count} Child SAs for ${cpus} CPUs`];
  });
}

/** Both ends may have asked for one CPU at once (RFC 9611 §3): of the SAs beyond one per CPU, some are sent on by one end only. */
function checkCpus(measurements: Measurements): string[] {
  const hasSpare = measurements.ends.some(({ final }) => final.endpoint.childSas.length > measurements.cpus);
  return cpuReports(measurements).flatMap(({ end, cpu, spiIn, packetsIn, packetsOut }) => {
    if (spiIn === "") return [`${end}: CPU ${cpu} has no Child SA of its own`];
    const idle = [packetsOut === 0 ? "sent" : "", packetsIn === 0 && !hasSpare ? "received" : ""].filter(Boolean);
    return idle.length === 0 ? [] : [`${end}: the Child SA of CPU ${cpu} has ${idle.join(" and ")} nothing`];
  });
}

function checkPings({ pings }: Measurements): string[] {
  const lost = pings.sent - pings.received;
  return lost === 0 && pings.sent > 0 ? [] : [`${lost} of ${pings.sent} pings were lost`];
}

function checkWire({ leaked }: Measurements): string[] {
  return leaked.packets === 0
    ? []
    : [`${leaked.packets} packets on the wire were neither ESP nor IKE; the first: ${leaked.examples[0] ?? ""}`];
}

function checkDrops({ ends }: Measurements): string[] {
  return ends.flatMap(({ end, afterPings, final }) => {
    const expected = new Set<string>(final.dataPlane.expectedDrops);
    const before = new Map(dropsOf(afterPings));
    const carried = final.dataPlane.perWorker.reduce((sum, { packetsIn, packetsOut }) => sum + packetsIn + packetsOut, 0);
    return dropsOf(final).flatMap(([name, count]) => {
      if (count === 0 || expected.has(name)) return [];
      const isCongestion = CONGESTION.has(name) && (before.get(name) ?? 0) === 0 && count <= carried * TOLERABLE_CONGESTION;
      return isCongestion ? [] : [`${end} dropped ${count} packets: ${name}`];
    });
  });
}

function checkThroughput({ tunnelGbps, plainGbps }: Measurements): string[] {
  return [
    ...(tunnelGbps > 0 ? [] : ["no bulk TCP came through the tunnel"]),
    ...(plainGbps > 0 ? [] : ["no bulk TCP came over the plain cable"]),
  ];
}

function checkEnd({ ends }: Measurements): string[] {
  return ends.flatMap(({ end, exitStatus }) =>
    exitStatus === undefined || exitStatus === 0 ? [] : [`the ${end} daemon ended with ${String(exitStatus)} instead of 0`],
  );
}
