/** `encapsulation`: ESP as IP protocol 50 against ESP in UDP, two daemons on two hosts for each, in turn. */
import { allowedCpus } from "../src/host/linux/affinity.ts";
import type { BenchContext } from "./benchmark.ts";
import { withHawser } from "./lab/hawser-pair.ts";
import { withHosts } from "./lab/hosts.ts";
import type { HostPair } from "./lab/hosts.ts";
import { measureTcp, requireIperf } from "./lab/iperf.ts";
import { ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";

const STREAMS = [1, 4] as const;

export async function benchEncapsulation(context: BenchContext): Promise<Row[]> {
  requireIperf();
  const workers = allowedCpus().length;
  return withHosts("udp", (udp) =>
    withHosts("raw", (raw) =>
      withHawser(udp, { workers, perCpuSas: true }, () =>
        withHawser(raw, { workers, perCpuSas: true, encap: false }, () => measure(context, udp, raw)),
      ),
    ),
  );
}

async function measure({ turns, seconds, say }: BenchContext, udp: HostPair, raw: HostPair): Promise<Row[]> {
  const rates = STREAMS.map((streams) => ({ streams, udp: [] as number[], raw: [] as number[] }));
  for (let turn = 1; turn <= turns; turn++) {
    for (const rate of rates) {
      say(`encapsulation: turn ${turn}: TCP, streams: ${rate.streams}`);
      rate.udp.push(await measureTcp(udp, udp[1].innerAddress, rate.streams, seconds));
      rate.raw.push(await measureTcp(raw, raw[1].innerAddress, rate.streams, seconds));
    }
  }
  return rates.flatMap(({ streams, udp: inUdp, raw: without }) => {
    const row = { bench: "encapsulation", unit: "Gbit/s" };
    const name = `TCP, ${streams} ${streams === 1 ? "stream" : "streams"}`;
    return [
      { ...row, name: `${name}, in UDP`, value: summarize(inUdp) },
      { ...row, name: `${name}, without UDP`, value: summarize(without), floor: "in UDP", ratio: ratio(without, inUdp) },
    ];
  });
}
