/** The IKEv2 endpoint (RFC 7296), sans-IO: call a `handle*`, then drain {@link IkeEndpoint.pollOutput} to its end, then come back at its timeout. */
import type { Entropy } from "../crypto/entropy.ts";
import type { CpuIndex } from "../ipsec/names.ts";
import type { SadbEvent, SaUsage, SocketAddress } from "../ipsec/sadb.ts";
import type { SpiSteering } from "../ipsec/spi-steering.ts";
import type { Command, CommandResult } from "./command.ts";
import type { EndpointConfig } from "./config.ts";
import type { KeyMaterial, Output } from "./events.ts";
import type { EndpointStatus } from "./status.ts";

export interface Datagram {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** An IKE message, without the non-ESP marker; `local.port` tells which of the two ports it came in by. */
  readonly octets: Uint8Array;
}

export interface EndpointDependencies {
  readonly entropy: Entropy;
  readonly steering: SpiSteering;
  readonly cpus: readonly CpuIndex[];
  readonly now: number;
  /** The source address that the host would use towards `remote`; without it, the first known local address of the family. */
  readonly sourceFor?: (remote: string) => string | undefined;
  /** Opt-in key log. */
  readonly onKeys?: (keys: KeyMaterial) => void;
}

export declare class IkeEndpoint {
  /** Nothing is sent yet: `start` actions are due at `deps.now`, so add local addresses, then call `handleTimeout`. */
  constructor(config: EndpointConfig, deps: EndpointDependencies);

  addLocalAddress(address: string): void;
  removeLocalAddress(address: string): void;

  handleDatagram(datagram: Datagram, now: number): void;
  handleSadbEvent(event: SadbEvent, now: number): void;
  handleUsage(usage: readonly SaUsage[], now: number): void;
  handleCommand(command: Command, now: number): CommandResult;
  handleTimeout(now: number): void;
  pollOutput(): Output | undefined;
  status(now: number): EndpointStatus;
}
