/** A gateway with pools of virtual addresses and two hosts that get theirs from it, each on a cable of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { DaemonStatus } from "../../../src/daemon/status.ts";
import { DaemonProcess } from "../../../src/demo/daemon-process.ts";
import { clearAway, demoHosts, type DemoHost } from "../../../src/demo/topology.ts";
import { createNamespace, layCable } from "../../../src/host/linux/namespaces.ts";
import { until } from "../../interop/support/until.ts";
import { removeOrphans } from "../../support/orphans.ts";

const PREFIX = "hwv-";
const MTU = 1500;

/** Behind the gateway, and on its device. */
export const INSIDE = ["10.1.0.1", "fd01::1"] as const;

/** Addresses of the cable to the first and the second host. */
const CABLES = [
  { gateway: "192.0.2.1", host: "192.0.2.2" },
  { gateway: "198.51.100.1", host: "198.51.100.2" },
] as const;

export class RemoteAccess {
  readonly gateway: DemoHost;
  readonly clients: readonly [DemoHost, DemoHost];
  readonly #scratch = mkdtempSync(join(tmpdir(), PREFIX));
  readonly #daemons = new Map<string, DaemonProcess>();

  /** The hosts, without daemons. @throws IpCommandError */
  constructor() {
    removeOrphans("hwv");
    const [template] = demoHosts(4, 4);
    const host = (name: string): DemoHost => ({ ...template, namespace: `${PREFIX}${process.pid}-${name}` });
    this.gateway = host("gateway");
    this.clients = [host("first"), host("second")];
    try {
      for (const { namespace } of [this.gateway, ...this.clients]) createNamespace(namespace);
      for (const [index, { gateway, host: address }] of CABLES.entries()) {
        const end = { namespace: this.gateway.namespace, device: `wire${index}`, addresses: [`${gateway}/24`] };
        layCable(end, { namespace: this.#client(index).namespace, device: "wire0", addresses: [`${address}/24`] }, MTU);
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  startGateway(pools: Readonly<Record<string, unknown>>): Promise<DaemonProcess> {
    const children = { inside: { local_ts: ["10.1.0.0/16", "fd01::/32"], remote_ts: "dynamic", per_cpu_sas: true } };
    const clients = {
      local: { auth: "psk", id: "gateway.test" },
      remote: { auth: "psk", id: "%any" },
      pools: Object.keys(pools),
      children,
    };
    return this.#start(this.gateway, { connections: { clients }, pools }, { tun: { addresses: INSIDE } });
  }

  /** @param daemon more keys of the section `daemon` */
  startClient(index: number, daemon: Readonly<Record<string, unknown>> = {}): Promise<DaemonProcess> {
    const addresses = CABLES[index];
    const children = { inside: { local_ts: "dynamic", remote_ts: ["10.1.0.0/16", "fd01::/32"], per_cpu_sas: true, start_action: "start" } };
    const gateway = {
      remote_addrs: addresses?.gateway,
      local: { auth: "psk", id: `client-${index}.test` },
      remote: { auth: "psk", id: "gateway.test" },
      vips: ["0.0.0.0", "::"],
      children,
    };
    return this.#start(this.#client(index), { connections: { gateway } }, daemon);
  }

  path(name: string): string {
    return join(this.#scratch, name);
  }

  /** Waits until the daemon's status is as wanted. */
  until(what: string, daemon: DaemonProcess, wanted: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    const look = async (): Promise<DaemonStatus | undefined> => {
      const status = await daemon.status();
      return wanted(status) ? status : undefined;
    };
    return until(what, look, { explain: () => [...this.#daemons.values()].map(({ log }) => log).join("\n") });
  }

  remove(): void {
    for (const daemon of this.#daemons.values()) daemon.kill();
    clearAway([this.gateway, ...this.clients]);
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #start(host: DemoHost, sections: object, daemon: object): Promise<DaemonProcess> {
    const [file, socket] = [this.path(`${host.namespace}.yaml`), this.path(`${host.namespace}.sock`)];
    const secrets = { ike: { secret: "addresses for those who come from anywhere" } };
    writeFileSync(file, stringify({ ...sections, secrets, daemon: { control_socket: socket, cpus: 2, ...daemon } }), { mode: 0o600 });
    const started = new DaemonProcess(host, file, socket);
    this.#daemons.set(host.namespace, started);
    await started.started();
    return started;
  }

  #client(index: number): DemoHost {
    const client = this.clients[index];
    if (client === undefined) throw new RangeError(`there is no client ${index}`);
    return client;
  }
}
