/** What every part of one endpoint shares: configuration, time, entropy, the outbox, and the numbers that must not be given out twice. */
import type { Entropy } from "../crypto/entropy.ts";
import { childSaId, policyId, type ChildSaId, type CpuIndex, type EspSpi, type PolicyId } from "../ipsec/names.ts";
import { drawSpi, type SpiSteering } from "../ipsec/spi-steering.ts";
import { ikeSpi, type IkeSpi } from "../wire/ike-header.ts";
import { Reader } from "../wire/octets.ts";
import { ikeSaId, type IkeSaId } from "./command.ts";
import type { EndpointConfig } from "./config.ts";
import { Counters } from "./counters.ts";
import type { EndpointDependencies } from "./dependencies.ts";
import type { KeyMaterial } from "./events.ts";
import { Leases } from "./leases.ts";
import { Outputs } from "./outputs.ts";
import { randomFraction } from "./random.ts";
import { TimerQueue } from "./timers.ts";

export class Services {
  readonly config: EndpointConfig;
  readonly entropy: Entropy;
  readonly steering: SpiSteering;
  readonly cpus: readonly CpuIndex[];
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** Of our own tokens (RFC 6290), if we make any. */
  readonly qcdSecret: Uint8Array | undefined;
  readonly onKeys: ((keys: KeyMaterial) => void) | undefined;
  readonly timers = new TimerQueue();
  readonly outputs = new Outputs(this.timers);
  readonly counters = new Counters();
  /** Of this host, as far as connections may use them. */
  readonly localAddresses = new Set<string>();
  /** Virtual addresses that peers have from us. */
  readonly leases: Leases;
  readonly #ikeSpis = new Set<IkeSpi>();
  /** Inbound SPIs that are in use or promised in a request that is not answered yet. */
  readonly #espSpis = new Set<EspSpi>();
  #lastId = 0;

  constructor(config: EndpointConfig, deps: Omit<EndpointDependencies, "now" | "sourceFor">) {
    this.config = config;
    this.entropy = deps.entropy;
    this.steering = deps.steering;
    this.cpus = deps.cpus;
    this.date = deps.date;
    this.qcdSecret = deps.qcdSecret;
    this.onKeys = deps.onKeys;
    this.leases = new Leases(config.pools);
  }

  /** 0 <= x < 1. */
  random(): number {
    return randomFraction(this.entropy);
  }

  newIkeSaId(): IkeSaId {
    return ikeSaId(++this.#lastId);
  }

  newChildSaId(): ChildSaId {
    return childSaId(++this.#lastId);
  }

  newPolicyId(): PolicyId {
    return policyId(++this.#lastId);
  }

  /** A random SPI, not zero and not in use here (RFC 7296 §2.6), taken until {@link releaseIkeSpi}. */
  reserveIkeSpi(): IkeSpi {
    for (;;) {
      const spi = ikeSpi(new Reader(this.entropy.bytes(8)).u64());
      if (spi === 0n || this.#ikeSpis.has(spi)) continue;
      this.#ikeSpis.add(spi);
      return spi;
    }
  }

  releaseIkeSpi(spi: IkeSpi): void {
    this.#ikeSpis.delete(spi);
  }

  /** GETSPI of RFC 2367: an inbound SPI that the host's steering leads to the worker of `cpu`, taken until {@link releaseEspSpi}. */
  reserveEspSpi(cpu: CpuIndex): EspSpi {
    const spi = drawSpi(
      this.steering,
      cpu,
      (length) => this.entropy.bytes(length),
      (candidate) => this.#espSpis.has(candidate),
    );
    this.#espSpis.add(spi);
    return spi;
  }

  /** Promised to a peer, in use, or out of use for less than its time of grace. */
  isEspSpiTaken(spi: EspSpi): boolean {
    return this.#espSpis.has(spi);
  }

  releaseEspSpi(spi: EspSpi): void {
    this.#espSpis.delete(spi);
  }
}
