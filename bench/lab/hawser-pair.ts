/** Two Hawser daemons on a pair of hosts, as an operator would run them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonProcess } from "../../src/demo/daemon-process.ts";
import type { DemoHost } from "../../src/demo/topology.ts";
import { runTool } from "../../src/demo/traffic-process.ts";
import { inNamespace } from "../../src/host/linux/namespaces.ts";
import { TUNNEL_MTU } from "./hosts.ts";
import type { HostPair } from "./hosts.ts";

export interface PairOptions {
  /** Workers at each end. */
  readonly workers: number;
  readonly perCpuSas: boolean;
  /** False: ESP without UDP. */
  readonly encap?: boolean;
  /** Options for the node processes. */
  readonly nodeOptions?: readonly string[];
}

const DEVICE = "hawser0";
const PATIENCE = 10_000;
const POLL_INTERVAL = 50;

/** Starts both daemons and waits until every CPU has its SA, for as long as `use` takes. */
export async function withHawser<T>(
  hosts: HostPair,
  options: PairOptions,
  use: (daemons: readonly [DaemonProcess, DaemonProcess]) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-bench-"));
  const start = (self: DemoHost, peer: DemoHost): DaemonProcess => {
    const [config, controlSocket] = [join(directory, `${self.end}.yaml`), join(directory, `${self.end}.sock`)];
    writeFileSync(config, configFile(self, peer, options, controlSocket));
    return new DaemonProcess(self, config, controlSocket, options.nodeOptions);
  };
  const [left, right] = hosts;
  writeFileSync(join(directory, "psk"), "a secret of the benchmark's own", { mode: 0o600 });
  const daemons = [start(left, right), start(right, left)] as const;
  try {
    await Promise.all(daemons.map((daemon) => daemon.started()));
    for (const host of hosts) await runTool(inNamespace(host.namespace, "ip", "link", "set", "dev", DEVICE, "mtu", String(TUNNEL_MTU)));
    await established(hosts, daemons, options);
    return await use(daemons);
  } finally {
    for (const daemon of daemons) daemon.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Sends from every CPU until each has what it asks for. @throws Error with both daemons' logs */
async function established(
  [left, right]: HostPair,
  daemons: readonly [DaemonProcess, DaemonProcess],
  { workers, perCpuSas }: PairOptions,
): Promise<void> {
  const wanted = perCpuSas ? workers : 1;
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    const { cpus, endpoint } = await daemons[0].status();
    if (endpoint.childSas.length >= wanted) return;
    for (const cpu of new Set(cpus)) {
      // Lost while there is no SA: that is what it is sent for.
      const ping = ["taskset", "--cpu-list", String(cpu), "ping", "-n", "-c", "1", "-W", "1", right.innerAddress];
      await runTool(inNamespace(left.namespace, ...ping)).catch(() => undefined);
    }
    await sleep(POLL_INTERVAL);
  }
  throw new Error(`the Child SAs did not come up:\n${daemons.map(({ log }) => log).join("\n")}`);
}

function configFile(self: DemoHost, peer: DemoHost, { workers, perCpuSas, encap = true }: PairOptions, controlSocket: string): string {
  return `connections:
  bench:
    local_addrs: ${self.outerAddress}
    remote_addrs: ${peer.outerAddress}
    local: { auth: psk, id: ${self.end}.bench }
    remote: { auth: psk, id: ${peer.end}.bench }
    encap: ${encap ? "yes" : "no"}
    children:
      net:
        local_ts: ${self.innerNetwork}
        remote_ts: ${peer.innerNetwork}
        esp_proposals: [aes128gcm16-esn]
        start_action: ${self.end === "left" ? "start" : "trap"}
        per_cpu_sas: ${perCpuSas ? "yes" : "no"}
secrets:
  ike-bench:
    secret: file:psk
daemon:
  tun:
    name: ${DEVICE}
    addresses: ${self.innerAddress}
  cpus: ${workers}
  control_socket: ${controlSocket}
`;
}
