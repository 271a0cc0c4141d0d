/** Follows the addresses of this host: opens sockets for new ones, and tells the endpoint which there are. */
import type { EspSockets } from "../dataplane/data-plane.ts";
import { AddressMonitor } from "../host/linux/address-monitor.ts";
import type { InterfaceAddress } from "../host/linux/network.ts";
import type { ConnectionConfig } from "../ike/config.ts";
import { presentAddresses } from "./local-addresses.ts";
import type { Logger } from "./log/logger.ts";

/** Milliseconds between two looks at what the kernel has told: one system call each. */
const INTERVAL = 250;

export interface AddressWatchPorts {
  readonly connections: readonly ConnectionConfig[];
  /** Without those of our own TUN device. */
  readonly hostAddresses: () => readonly InterfaceAddress[];
  /** @throws Error with a sentence */
  readonly openSockets: (address: string) => Promise<readonly EspSockets[]>;
  readonly addSockets: (sockets: EspSockets) => void;
  readonly onChange: (addresses: readonly string[]) => void;
  readonly log: Logger;
}

export class AddressWatch {
  readonly #ports: AddressWatchPorts;
  readonly #monitor = new AddressMonitor();
  readonly #timer: NodeJS.Timeout;
  #addresses: readonly string[];
  #isLooking = false;
  /** The kernel has told of a change that was not looked at. */
  #isDue = false;
  /** The last look came to nothing; that is said once, and tried until it works. */
  #hasFailed = false;
  #isClosed = false;

  /** @param addresses those that have sockets already. @throws SystemCallError */
  constructor(ports: AddressWatchPorts, addresses: readonly string[]) {
    this.#ports = ports;
    this.#addresses = addresses;
    this.#timer = setInterval(() => {
      if (this.#isLooking) return;
      this.#isDue = this.#monitor.hasChanged() || this.#isDue;
      if (!this.#isDue) return;
      this.#isDue = false;
      this.#isLooking = true;
      void this.#look().finally(() => (this.#isLooking = false));
    }, INTERVAL);
  }

  /** That connections may use. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#monitor.close();
  }

  async #look(): Promise<void> {
    const { connections, hostAddresses, onChange, log } = this.#ports;
    try {
      const usable: string[] = [];
      for (const address of presentAddresses(connections, hostAddresses())) {
        if (this.#addresses.includes(address) || (await this.#open(address))) usable.push(address);
      }
      this.#hasFailed = false;
      if (this.#isClosed || isSame(usable, this.#addresses)) return;
      log.info(`addresses for IKE and ESP are now ${usable.join(" ") || "none"}`);
      this.#addresses = usable;
      onChange(usable);
    } catch (error) {
      this.#isDue = true;
      if (!this.#hasFailed) log.warn(`the host's addresses cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      this.#hasFailed = true;
    }
  }

  /** An address that cannot be bound yet (IPv6 looks for duplicates first) is told once more when it can. */
  async #open(address: string): Promise<boolean> {
    try {
      const opened = await this.#ports.openSockets(address);
      if (!this.#isClosed) for (const sockets of opened) this.#ports.addSockets(sockets);
      return true;
    } catch (error) {
      this.#ports.log.info(`${address} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
