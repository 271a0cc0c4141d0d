/**
 * Steering of inbound ESP by SPI. The receiver chooses SPIs (RFC 4301 §4.1), so it can choose one that its kernel delivers to the CPU that owns
 * the SA: a keyed hash that a classic-BPF program on the reuseport group computes as well as this file does. The key keeps the CPU number out
 * of the SPI: without it an observer could tell how many CPUs there are, and which flows share one.
 */
import type { CpuIndex, EspSpi } from "./names.ts";
import { cpuIndex, espSpi } from "./names.ts";

export interface SpiSteering {
  /** 32 bits. */
  readonly mask: number;
  /** 32 bits, odd, so that it permutes. */
  readonly multiplier: number;
  /** Workers that SPIs are spread over. */
  readonly workers: number;
}

/** SPIs 1..255 are reserved by IANA, 0 is never sent (RFC 4303 §2.1); as UDP payload 0 is the non-ESP marker (RFC 3948 §2.2). */
const FIRST_SPI = 256;

function word(random: (octets: number) => Uint8Array): number {
  const octets = random(4);
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
}

/** A fresh key. @param random gives as many unpredictable octets as asked for */
export function newSpiSteering(random: (octets: number) => Uint8Array, workers: number): SpiSteering {
  return { mask: word(random), multiplier: (word(random) | 1) >>> 0, workers };
}

/** Exactly what the BPF program does: A ^= mask; A *= multiplier; A >>= 16; A %= workers. */
export function cpuOfSpi({ mask, multiplier, workers }: SpiSteering, spi: EspSpi): CpuIndex {
  return cpuIndex((Math.imul(spi ^ mask, multiplier) >>> 16) % workers);
}

/**
 * Draws an SPI that steering delivers to `cpu`. Takes about as many tries as there are workers.
 *
 * @throws RangeError when `cpu` is no worker's
 */
export function drawSpi(
  steering: SpiSteering,
  cpu: CpuIndex,
  random: (octets: number) => Uint8Array,
  isTaken: (spi: EspSpi) => boolean,
): EspSpi {
  if (!Number.isInteger(cpu) || cpu < 0 || cpu >= steering.workers)
    throw new RangeError(`there is no worker ${cpu}, only ${steering.workers}`);
  for (;;) {
    const spi = espSpi(word(random));
    if (spi >= FIRST_SPI && cpuOfSpi(steering, spi) === cpu && !isTaken(spi)) return spi;
  }
}
