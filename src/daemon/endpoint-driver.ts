/** Carries what happens to the sans-IO endpoint, and carries out what it wants: the only place where the two meet. */
import type { Clock } from "../host/ports.ts";
import type { Command, CommandResult } from "../ike/command.ts";
import type { Datagram, IkeEndpoint } from "../ike/endpoint.ts";
import type { IkeEvent, Output } from "../ike/events.ts";
import type { EndpointStatus } from "../ike/status.ts";
import type { SadbEvent, SadbMessage, SaUsage } from "../ipsec/sadb.ts";

export interface DriverPorts {
  readonly clock: Clock;
  readonly transmit: (output: Extract<Output, { kind: "transmit" | "keepalive" }>) => void;
  readonly applySadb: (message: SadbMessage) => void;
  readonly onEvent: (event: IkeEvent) => void;
}

/** setTimeout takes no more; a longer wait is cut into pieces. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class EndpointDriver {
  readonly #endpoint: IkeEndpoint;
  readonly #ports: DriverPorts;
  readonly #listeners = new Set<(event: IkeEvent) => void>();
  #timer: NodeJS.Timeout | undefined;
  /** Listeners may call back into the driver; what that causes is drained after what is under way. */
  #isDraining = false;
  #isClosed = false;

  constructor(endpoint: IkeEndpoint, ports: DriverPorts) {
    this.#endpoint = endpoint;
    this.#ports = ports;
  }

  /** Begins what the configuration wants begun at start. */
  start(): void {
    this.#turn((now) => this.#endpoint.handleTimeout(now));
  }

  datagram(datagram: Datagram): void {
    this.#turn((now) => this.#endpoint.handleDatagram(datagram, now));
  }

  sadbEvent(event: SadbEvent): void {
    this.#turn((now) => this.#endpoint.handleSadbEvent(event, now));
  }

  usage(usage: readonly SaUsage[]): void {
    this.#turn((now) => this.#endpoint.handleUsage(usage, now));
  }

  localAddresses(addresses: readonly string[]): void {
    this.#turn((now) => this.#endpoint.handleLocalAddresses(addresses, now));
  }

  command(command: Command): CommandResult {
    let result: CommandResult = { ok: false, reason: "The daemon is ending." };
    this.#turn((now) => (result = this.#endpoint.handleCommand(command, now)));
    return result;
  }

  status(): EndpointStatus {
    return this.#endpoint.status(this.#ports.clock.now());
  }

  /** Calls `listener` with every event from now on; returns what ends that. */
  listen(listener: (event: IkeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing reaches the endpoint any more, and nothing comes of it. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #turn(handle: (now: number) => void): void {
    if (this.#isClosed) return;
    handle(this.#ports.clock.now());
    if (!this.#isDraining) this.#drain();
  }

  #drain(): void {
    this.#isDraining = true;
    try {
      for (let output = this.#endpoint.pollOutput(); output !== undefined; output = this.#endpoint.pollOutput()) this.#carryOut(output);
    } finally {
      this.#isDraining = false;
    }
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case "transmit":
      case "keepalive":
        this.#ports.transmit(output);
        return;
      case "sadb":
        this.#ports.applySadb(output.message);
        return;
      case "event":
        this.#ports.onEvent(output.event);
        for (const listener of this.#listeners) listener(output.event);
        return;
      case "timeout":
        this.#sleepUntil(output.at);
        return;
    }
  }

  #sleepUntil(at: number): void {
    clearTimeout(this.#timer);
    if (at === Infinity) return;
    // Timers fire up to a millisecond early; the endpoint would then have nothing to do and ask for the same moment again.
    const wait = Math.ceil(at - this.#ports.clock.now());
    this.#timer = setTimeout(() => this.#turn((now) => this.#endpoint.handleTimeout(now)), Math.min(Math.max(wait, 0), LONGEST_TIMER));
  }
}
