/** What a configuration file becomes: the endpoint's part and the host's part, checked and complete. */
import type { EndpointConfig } from "../../ike/config.ts";
import type { InterfaceAddress } from "./addresses.ts";
import type { CpuChoice } from "./cpus.ts";
import type { DaemonSection } from "./schema.ts";

export interface TunConfig {
  readonly name: string;
  /** Octets; undefined: from the outer device. */
  readonly mtu: number | undefined;
  readonly addresses: readonly InterfaceAddress[];
  readonly dispatch: DaemonSection["tun"]["dispatch"];
}

export interface DaemonConfig {
  readonly tun: TunConfig;
  readonly cpus: CpuChoice;
  readonly engine: DaemonSection["engine"];
  readonly controlSocket: string;
  /** File of the secret for quick crash detection; undefined: no tokens are made. */
  readonly qcdSecret: string | undefined;
  /** Directory for Wireshark's key tables. */
  readonly keyLog: string | undefined;
  /** File for the DNS servers that peers tell us of. */
  readonly resolvConf: string | undefined;
  readonly logLevel: DaemonSection["log_level"];
  readonly maxSasPerCpu: number;
}

export interface HawserConfig {
  readonly file: string;
  readonly endpoint: EndpointConfig;
  readonly daemon: DaemonConfig;
  /** The file holds a secret in plain sight, not behind `file:`. */
  readonly holdsSecrets: boolean;
  /** Sentences about what works but should not be left so. */
  readonly warnings: readonly string[];
}
