/**
 * Lifetimes of a Child SA (RFC 4301 §4.4.2.1): soft ones start a rekey, hard ones end the SA. Each end draws its own at random, so that both do not
 * rekey at once (RFC 7296 §2.8).
 */
import type { UsageLimits } from "./sadb.ts";

/** What the configuration says; durations in milliseconds, `Infinity` = no limit. */
export interface LifetimeConfig {
  readonly rekeyTime: number;
  readonly lifeTime: number;
  readonly rekeyBytes: number;
  readonly lifeBytes: number;
  readonly rekeyPackets: number;
  readonly lifePackets: number;
  readonly esn: boolean;
  readonly shared: boolean;
}

export interface LifetimePlan {
  /** Instants, in the clock of `now`. */
  readonly rekeyAt: number;
  readonly expireAt: number;
  readonly limits: UsageLimits;
}

/** Soft limits are taken back by up to this part, as swanctl's rand_time does with its default. */
const JITTER = 0.1;

/** A non-ESN SA has 2^32 - 1 sequence numbers (RFC 4303 §3.3.3). */
const MAX_PACKETS = 2 ** 32 - 1;
/** A shared SA's numbers are reserved in a 32-bit word by racing workers, which leave the last 2^16 alone. */
const MAX_SHARED_PACKETS = 2 ** 32 - 2 ** 16;
/** Where nothing else says so, rekey when this part of the sequence numbers is used. */
const SOFT_PART = 0.9;

/** @param random01 uniform in [0, 1) */
export function planLifetimes(config: LifetimeConfig, random01: number, now: number): LifetimePlan {
  const early = 1 - JITTER * random01;
  const cap = config.shared ? MAX_SHARED_PACKETS : config.esn ? Infinity : MAX_PACKETS;
  const hardPackets = Math.min(config.lifePackets, cap);
  const hardBytes = config.lifeBytes;
  return {
    rekeyAt: now + config.rekeyTime * early,
    expireAt: now + config.lifeTime,
    limits: {
      softPackets: Math.floor(Math.min(config.rekeyPackets, hardPackets * SOFT_PART) * early),
      hardPackets,
      softBytes: Math.floor(Math.min(config.rekeyBytes, hardBytes * SOFT_PART) * early),
      hardBytes,
    },
  };
}
