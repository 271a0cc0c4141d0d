/** `sadLookup`: finding the SA of a packet with few and with very many of them: by SPI inbound, by flow outbound. */
import { policyId } from "../src/ipsec/names.ts";
import { instantiateKernels, KERNEL_STATICS_END } from "../src/kernels/kernels.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { OSA_SIZE } from "../src/kernels/layout.ts";
import { parsePrefix } from "../src/wire/traffic-selector.ts";
import type { BenchContext } from "./benchmark.ts";
import { interleave, ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";
import { WorkerBox } from "./worker-box.ts";

const SIZES = [1, 1000, 1_000_000] as const;
const AIM = 1.5;
const BURST = 64;
/** Look-ups before the order repeats: more than caches remember. */
const LOOK_UPS = 1 << 18;
/** An inbound runtime's first cache line, which every look-up ends in. */
const RUNTIME_STRIDE = 64;
/** The SPD holds so many policies. */
const POLICIES = [1, 1000, 4000] as const;
const SAMPLE_SAS = 1000;

export function benchSadLookup({ engines, turns, milliseconds }: BenchContext): Row[] {
  const engine = engines[0] ?? "node";
  return [...bySpi(turns, milliseconds), ...byFlow(engine, turns, milliseconds), octetsPerSa(engine)];
}

/** The kernels' SPI table, filled to half as WorkerSad fills it, and the runtime's first word read as `prepare` reads it. */
function bySpi(turns: number, milliseconds: number): Row[] {
  const works = Object.fromEntries(SIZES.map((count) => [String(count), spiLookup(count)]));
  const times = interleave(works, turns, milliseconds);
  return SIZES.map((count) => {
    const own = times[String(count)] ?? [];
    return compared("SPI", count, "SAs", own, times["1"] ?? []);
  });
}

function spiLookup(count: number): () => number {
  const capacity = Math.max(1024, 2 ** Math.ceil(Math.log2(count * 2)));
  const runtimes = KERNEL_STATICS_END + capacity * 8;
  const pages = Math.ceil((runtimes + count * RUNTIME_STRIDE) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernels: Kernels = instantiateKernels(memory);
  kernels.configureSad(KERNEL_STATICS_END, capacity);
  const words = new Uint32Array(memory.buffer);
  // Any odd multiplier permutes: all SPIs are different, and look drawn at random.
  const spiOf = (i: number): number => (Math.imul(i + 256, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  for (let i = 0; i < count; i++) {
    words[(runtimes + i * RUNTIME_STRIDE) >> 2] = spiOf(i);
    kernels.insertInbound(spiOf(i), runtimes + i * RUNTIME_STRIDE);
  }
  const order = Uint32Array.from({ length: LOOK_UPS }, () => spiOf(Math.floor(Math.random() * count)));
  let next = 0;
  return () => {
    for (let i = 0; i < BURST; i++) {
      const spi = order[(next + i) & (LOOK_UPS - 1)] ?? 0;
      if (words[kernels.findInbound(spi) >>> 2] !== spi) throw new Error("the look-up found another SA");
    }
    next = (next + BURST) & (LOOK_UPS - 1);
    return BURST;
  };
}

/** `classify` for a burst of one packet each to as many destinations, each of a policy of its own: known flows, and flows never seen before. */
function byFlow(engine: string, turns: number, milliseconds: number): Row[] {
  const works = Object.fromEntries(
    POLICIES.flatMap((count) => [
      [`known ${count}`, flowLookup(engine, count, false)],
      [`first ${count}`, flowLookup(engine, count, true)],
    ]),
  );
  const times = interleave(works, turns, milliseconds);
  return ["known", "first"].flatMap((kind) =>
    POLICIES.map((count) => {
      const name = kind === "known" ? "known flow" : "first packet of a flow";
      return compared(name, count, "policies", times[`${kind} ${count}`] ?? [], times[`${kind} 1`] ?? [], kind === "known");
    }),
  );
}

function flowLookup(engine: string, policies: number, isFirst: boolean): () => number {
  const box = new WorkerBox({ engine, cipher: "aes128gcm16" });
  const local = [parsePrefix("0.0.0.0/0")];
  for (let i = 0; i < policies; i++) {
    const remoteTs = [parsePrefix(`11.${i >> 8}.${i & 255}.0/24`)];
    box.sad.addPolicy({ id: policyId(10 + i), name: `lookup/${i}`, localTs: local, remoteTs, priority: 1, onMissingSa: "drop" });
  }
  box.fillSingles(64, BURST);
  let port = 0;
  for (let i = 0; i < BURST; i++) {
    const packet = box.packetAt(i);
    const policy = Math.floor((i * policies) / BURST);
    box.u8.set([11, policy >> 8, policy & 255, i], packet + 16);
  }
  return () => {
    if (isFirst) {
      port = (port + 1) & 0xffff;
      for (let i = 0; i < BURST; i++) box.view.setUint16(box.packetAt(i) + 20, port);
    }
    box.kernels.classify(box.map.outs, BURST);
    return BURST;
  };
}

/** What a pair of SAs takes in a worker's packet memory, counted in the SAD's own blocks. */
function octetsPerSa(engine: string): Row {
  const box = new WorkerBox({ engine, cipher: "aes128gcm16" });
  let octets = 0;
  for (let i = 0; i < SAMPLE_SAS; i++) octets += box.addSaPair(i);
  // Each inbound SA also has one of the table's pairs, which is half full.
  const value = octets / SAMPLE_SAS + 16;
  return {
    bench: "sadLookup",
    name: `${engine} aes128gcm16, memory of one Child SA, window 4096`,
    unit: "octets",
    value: { median: value, min: value, max: value },
    note: `of them the outbound runtime ${OSA_SIZE}`,
  };
}

function compared(what: string, count: number, of: string, own: readonly number[], one: readonly number[], isAimedAt = true): Row {
  const row = { bench: "sadLookup", name: `${what}, ${count} ${of}`, unit: "ns/look-up", value: summarize(own) };
  if (count === 1) return row;
  const against = ratio(own, one);
  const aim = isAimedAt ? { reach: reach("at most", AIM, against.median) } : {};
  return { ...row, floor: `1 ${of === "SAs" ? "SA" : "policy"}`, ratio: against, ...aim };
}
