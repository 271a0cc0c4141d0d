/** What the outside hands to an endpoint. */
import type { Entropy } from "../crypto/entropy.ts";
import type { CpuIndex } from "../ipsec/names.ts";
import type { SpiSteering } from "../ipsec/spi-steering.ts";
import type { KeyMaterial } from "./events.ts";

export interface EndpointDependencies {
  readonly entropy: Entropy;
  readonly steering: SpiSteering;
  readonly cpus: readonly CpuIndex[];
  readonly now: number;
  /** Milliseconds since 1970, for the validity of certificates: `now` may count from anything. */
  readonly date: () => number;
  /** The source address that the host would use towards `remote`; without it, the first known local address of the family. */
  readonly sourceFor?: (remote: string) => string | undefined;
  /** 32 octets that the tokens of quick crash detection (RFC 6290) are made from, the same after a restart; absent: none are made. */
  readonly qcdSecret?: Uint8Array | undefined;
  /** Opt-in key log. */
  readonly onKeys?: (keys: KeyMaterial) => void;
}
