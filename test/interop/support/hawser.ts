/** Our own end: `hawser up` on one of the hosts, with a configuration as an operator would write it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { ask } from "../../../src/daemon/control/client.ts";
import type { ControlRequest, ControlResults } from "../../../src/daemon/control/protocol.ts";
import type { ChildSaStatus, DaemonStatus, IkeSaStatus } from "../../../src/daemon/status.ts";
import { DaemonProcess } from "../../../src/demo/daemon-process.ts";
import type { DemoHost } from "../../../src/demo/topology.ts";
import type { Hosts } from "./hosts.ts";
import { until } from "./until.ts";

export const SECRET = "interoperability is a matter of both ends";

/** Names in the configuration of both ends. */
export const CONNECTION = "peer";
export const CHILD = "net";

type Section = Readonly<Record<string, unknown>>;

/** Settings beyond those that the hosts themselves decide, by section. */
export interface HawserSettings {
  readonly connection?: Section;
  readonly child?: Section;
  readonly daemon?: Section;
  /** Beside the pre-shared key. */
  readonly secrets?: Section;
  readonly pools?: Section;
}

export class Hawser {
  readonly host: DemoHost;
  readonly keyLog: string;
  readonly #process: DaemonProcess;

  private constructor(host: DemoHost, keyLog: string, daemon: DaemonProcess) {
    this.host = host;
    this.keyLog = keyLog;
    this.#process = daemon;
  }

  /** Starts the daemon on `self` and waits until it answers. */
  static async start(hosts: Hosts, self: DemoHost, settings: HawserSettings = {}): Promise<Hawser> {
    const peer = self === hosts.left ? hosts.right : hosts.left;
    const directory = join(hosts.scratch, self.end);
    mkdirSync(directory, { recursive: true });
    const paths = { config: join(directory, "hawser.yaml"), socket: join(directory, "hawser.sock"), keyLog: join(directory, "keys") };
    writeFileSync(paths.config, stringify(configuration(self, peer, paths, settings)), { mode: 0o600 });
    const daemon = new DaemonProcess(self, paths.config, paths.socket);
    await daemon.started();
    return new Hawser(self, paths.keyLog, daemon);
  }

  get log(): string {
    return this.#process.log;
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  status(): Promise<DaemonStatus> {
    return this.#process.status();
  }

  async ikeSas(): Promise<readonly IkeSaStatus[]> {
    return (await this.status()).endpoint.ikeSas;
  }

  async childSas(): Promise<readonly ChildSaStatus[]> {
    return (await this.status()).endpoint.childSas;
  }

  /** The only IKE SA there is. @throws Error when there is another number of them */
  async ikeSa(): Promise<IkeSaStatus> {
    return only("IKE SA", await this.ikeSas());
  }

  /** The only Child SA there is. */
  async childSa(): Promise<ChildSaStatus> {
    return only("Child SA", await this.childSas());
  }

  ask<Request extends ControlRequest>(request: Request): Promise<ControlResults[Request["verb"]]> {
    return ask(this.#process.controlSocket, request);
  }

  /** Brings the connection up. @throws Failure with the daemon's reason */
  async initiate(): Promise<void> {
    await this.ask({ verb: "initiate", connection: CONNECTION, wait: 10_000 });
  }

  /** Waits until `wanted` is true of the status. */
  async until(what: string, wanted: (status: DaemonStatus) => boolean, patience = 10_000): Promise<DaemonStatus> {
    return until(
      what,
      async () => {
        const status = await this.status();
        return wanted(status) ? status : undefined;
      },
      { patience, explain: () => this.log.trim().split("\n").slice(-25).join("\n") },
    );
  }

  /** As `hawser down` does; returns the exit status. */
  down(): Promise<number | null> {
    return this.#process.down();
  }

  /** Sends a signal and waits for the end; returns the exit status, null when a signal ended it. */
  signal(signal: NodeJS.Signals): Promise<number | null> {
    return this.#process.signal(signal);
  }

  /** As a crash would. */
  kill(): void {
    this.#process.kill();
  }
}

function configuration(
  self: DemoHost,
  peer: DemoHost,
  paths: { readonly socket: string; readonly keyLog: string },
  { connection, child, daemon, secrets, pools = {} }: HawserSettings,
): Section {
  return {
    connections: {
      [CONNECTION]: {
        local_addrs: [self.outerAddress],
        remote_addrs: [peer.outerAddress],
        local: { auth: "psk", id: identityOf(self) },
        remote: { auth: "psk", id: identityOf(peer) },
        children: { [CHILD]: { local_ts: [self.innerNetwork], remote_ts: [peer.innerNetwork], ...child } },
        ...connection,
      },
    },
    secrets: { "ike-peer": { secret: SECRET }, ...secrets },
    pools,
    daemon: {
      tun: { addresses: [self.innerAddress] },
      control_socket: paths.socket,
      key_log: paths.keyLog,
      log_level: "debug",
      ...daemon,
    },
  };
}

export function identityOf(host: DemoHost): string {
  return `${host.end}.interop.example`;
}

function only<T>(what: string, all: readonly T[]): T {
  const [first] = all;
  if (first === undefined || all.length !== 1) throw new Error(`there should be one ${what}, and there are ${all.length}`);
  return first;
}
