/** `seal`, `open`: what one worker spends on a packet without I/O, against the engine alone on the same octets in the same process. */
import type { EngineName } from "../src/dataplane/engines/engine.ts";
import type { EspCipher } from "../src/ipsec/esp-cipher.ts";
import { interleave, ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";
import { WorkerBox } from "./worker-box.ts";

const SIZES = [64, 576, 1400, 65536] as const;
const BURST = 32;
/** At most this many times the engine alone. */
const REACH: Partial<Record<number, number>> = { 64: 2.5, 1400: 1.5 };

function layOut(box: WorkerBox, size: number): { packets: number; segments: number } {
  if (size > 1500) return { packets: 1, segments: box.fillSuper() };
  box.fillSingles(size, BURST);
  return { packets: BURST, segments: BURST };
}

/** The parts are timed in turn; putting the octets back, which the kernel does in life, is timed apart and taken off. */
function less(whole: readonly number[], part: readonly number[]): number[] {
  return whole.map((value, i) => value - (part[i] ?? NaN));
}

export function benchSeal(engine: EngineName, cipher: EspCipher, turns: number, milliseconds: number): Row[] {
  return SIZES.map((size) => {
    const [box, raw] = [new WorkerBox({ engine, cipher }), new WorkerBox({ engine, cipher })];
    const { packets, segments } = layOut(box, size);
    layOut(raw, size);
    const kept = box.keepBurst(packets);
    const times = interleave(
      {
        whole: () => {
          box.relay(kept);
          return box.outbound(packets);
        },
        relay: () => {
          box.relay(kept);
          return segments;
        },
        raw: () => raw.rawSeal(packets),
      },
      turns,
      milliseconds,
    );
    return row("seal", `${engine} ${cipher} ${size}`, size, less(times.whole, times.relay), times.raw);
  });
}

export function benchOpen(engine: EngineName, cipher: EspCipher, turns: number, milliseconds: number): Row[] {
  return SIZES.map((size) => {
    const [box, raw] = [new WorkerBox({ engine, cipher }), new WorkerBox({ engine, cipher })];
    const { packets, segments } = layOut(box, size);
    const sealed = box.captureSealed(packets);
    raw.restore(sealed);
    const times = interleave(
      {
        whole: () => {
          box.restore(sealed);
          return box.inbound(sealed);
        },
        restore: () => {
          box.restore(sealed);
          return segments;
        },
        raw: () => {
          // An engine that finds a wrong ICV takes another way: each time it opens what was sealed.
          raw.restore(sealed);
          return raw.rawOpen(sealed);
        },
      },
      turns,
      milliseconds,
    );
    return row("open", `${engine} ${cipher} ${size}`, size, less(times.whole, times.restore), less(times.raw, times.restore));
  });
}

function row(bench: string, name: string, size: number, own: readonly number[], raw: readonly number[]): Row {
  const against = ratio(own, raw);
  const at = REACH[size];
  return {
    bench,
    name,
    unit: "ns/packet",
    value: summarize(own),
    floor: "engine alone",
    ratio: against,
    ...(at === undefined ? {} : { reach: reach("at most", at, against.median) }),
  };
}
