/** Two hosts (network namespaces) with a daemon each, joined by a cable for the tunnel and another one to compare with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/daemon/control/client.ts";
import type { ControlRequest } from "../../src/daemon/control/protocol.ts";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import { DaemonProcess } from "../../src/demo/daemon-process.ts";
import { clearAway, demoHosts, layOut, type DemoHost } from "../../src/demo/topology.ts";

export type End = "left" | "right";

/** Lines of YAML, one key each. */
export interface Settings {
  readonly child?: Readonly<Record<string, string | number>>;
  readonly daemon?: Readonly<Record<string, string | number>>;
  readonly tun?: Readonly<Record<string, string | number>>;
}

const lines = (indent: number, values: Settings["child"]): string =>
  Object.entries(values ?? {})
    .map(([key, value]) => `${" ".repeat(indent)}${key}: ${value}\n`)
    .join("");

function configText(self: DemoHost, peer: DemoHost, socket: string, secret: string, { child, daemon, tun }: Settings): string {
  return `connections:
  tunnel:
    local_addrs: ${self.outerAddress}
    remote_addrs: ${peer.outerAddress}
    local: { auth: psk, id: ${self.end}.test }
    remote: { auth: psk, id: ${peer.end}.test }
    children:
      net:
        local_ts: ${self.innerNetwork}
        remote_ts: ${peer.innerNetwork}
        esp_proposals: aes128gcm16-esn
        start_action: ${self.end === "left" ? "start" : "trap"}
${lines(8, child)}secrets:
  ike-test:
    secret: file:${secret}
daemon:
  tun:
    name: hawser0
    addresses: ${self.innerAddress}
${lines(4, tun)}  control_socket: ${socket}
${lines(2, daemon)}`;
}

export class TwoDaemons {
  readonly left: DaemonProcess;
  readonly right: DaemonProcess;
  readonly #directory: string;

  private constructor(left: DaemonProcess, right: DaemonProcess, directory: string) {
    this.left = left;
    this.right = right;
    this.#directory = directory;
  }

  /** @param prefix of the namespaces; what a killed run has left of them is cleared away. @throws Error with the logs when a daemon does not come up */
  static async start(prefix: string, settings: Readonly<Record<End, Settings>>): Promise<TwoDaemons> {
    const [left, right] = demoHosts(4, 4).map((host) => ({ ...host, namespace: `${prefix}${host.end}` }));
    if (left === undefined || right === undefined) throw new Error("two hosts are needed");
    clearAway([left, right]);
    const directory = mkdtempSync(join(tmpdir(), prefix));
    const daemonOf = (self: DemoHost, peer: DemoHost): DaemonProcess => {
      const [file, socket] = [join(directory, `${self.end}.yaml`), join(directory, `${self.end}.sock`)];
      writeFileSync(file, configText(self, peer, socket, join(directory, "psk"), settings[self.end]));
      return new DaemonProcess(self, file, socket);
    };
    layOut([left, right]);
    writeFileSync(join(directory, "psk"), crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
    // The one that answers first: the other begins at once.
    const responder = daemonOf(right, left);
    let both: TwoDaemons | undefined;
    try {
      await responder.started();
      both = new TwoDaemons(daemonOf(left, right), responder, directory);
      await both.left.started();
      await both.until((status) => status.endpoint.childSas.length > 0);
      return both;
    } catch (error) {
      if (both === undefined) responder.kill();
      both?.kill();
      clearAway([left, right]);
      throw error;
    }
  }

  get daemons(): readonly [DaemonProcess, DaemonProcess] {
    return [this.left, this.right];
  }

  statuses(): Promise<[left: DaemonStatus, right: DaemonStatus]> {
    return Promise.all([this.left.status(), this.right.status()]);
  }

  /** Waits until it holds at both ends. @throws Error with the logs after `patience` milliseconds */
  async until(condition: (status: DaemonStatus) => boolean, patience = 10_000): Promise<void> {
    const deadline = performance.now() + patience;
    while (!(await this.statuses()).every(condition)) {
      if (performance.now() > deadline) throw new Error(`what was waited for did not come\n${this.logs()}`);
      await sleep(50);
    }
  }

  command(end: End, request: ControlRequest): Promise<unknown> {
    return ask(this[end].controlSocket, request);
  }

  logs(): string {
    return this.daemons.map(({ host, log }) => `--- ${host.end} ---\n${log}`).join("\n");
  }

  kill(): void {
    for (const daemon of this.daemons) daemon.kill();
  }

  /** Ends both as an operator would, and takes everything away in any case. Returns their exit statuses. */
  async stop(): Promise<(number | null)[]> {
    try {
      return [await this.left.down(), await this.right.down()];
    } finally {
      this.kill();
      clearAway(this.daemons.map(({ host }) => host));
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }
}
