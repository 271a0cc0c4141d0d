/** The demonstration from an empty machine to its report. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bulkTool, measureBulk } from "./bulk.ts";
import { configFile } from "./config-file.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { LinkWatch } from "./link-watch.ts";
import type { EndMeasurements, Measurements } from "./measurements.ts";
import type { DemoOptions } from "./options.ts";
import { pingFromEachCpu, withEchoServers } from "./pings.ts";
import { clearAway, demoHosts, layOut } from "./topology.ts";
import type { DemoHost } from "./topology.ts";
import type { PingResult } from "./traffic/echo.ts";

/** Milliseconds for the additional Child SAs to come up once every CPU has sent something. */
const SETTLE_PATIENCE = 5000;

/** Configurations, the secret and the control sockets. One place for all runs, so that the next one finds what a killed one has left. */
const DIRECTORY = "/run/hawser-demo";

export interface DemoOutcome {
  readonly measurements: Measurements;
  /** How to look at what was left running. */
  readonly keptNotes: readonly string[];
}

export class Demo {
  readonly #options: DemoOptions;
  /** The CPU of each worker. */
  readonly #workerCpus: readonly number[];
  readonly #say: (progress: string) => void;
  readonly #hosts: readonly [DemoHost, DemoHost];
  #daemons: readonly DaemonProcess[] = [];
  #watch: LinkWatch | undefined;

  constructor(options: DemoOptions, workerCpus: readonly number[], say: (progress: string) => void) {
    this.#options = options;
    this.#workerCpus = workerCpus;
    this.#say = say;
    this.#hosts = demoHosts(options.outer, options.inner);
  }

  /** @throws Error with a sentence when it could not be carried out; what was measured may still be below expectation */
  async run(): Promise<DemoOutcome> {
    rmSync(DIRECTORY, { recursive: true, force: true });
    if (clearAway(this.#hosts)) this.#say("cleared away what an earlier run had left");
    this.#say("laying two hosts and their cables");
    layOut(this.#hosts);
    mkdirSync(DIRECTORY, { mode: 0o700 });
    const [left] = this.#hosts;
    this.#watch = await LinkWatch.start({ namespace: left.namespace, device: left.device });
    await this.#startDaemons();
    const { pings, afterPings } = await this.#ping();
    const { tunnelGbps, plainGbps, sender } = await this.#moveBulk();
    const final = await Promise.all(this.#daemons.map((daemon) => daemon.status()));
    const exitStatuses = this.#options.keep ? [] : await this.#takeDown();
    const leaked = await this.#watch.stop();
    const ends = this.#daemons.flatMap(({ host: { end } }, i): EndMeasurements[] => {
      const [before, after] = [afterPings[i], final[i]];
      return before === undefined || after === undefined ? [] : [{ end, afterPings: before, final: after, exitStatus: exitStatuses[i] }];
    });
    const measurements = { cpus: this.#workerCpus.length, ends, pings, tunnelGbps, plainGbps, sender, leaked };
    return { measurements, keptNotes: this.#options.keep ? this.#keptNotes() : [] };
  }

  /** Takes away all that was made. */
  clear(): void {
    this.#watch?.abandon();
    for (const daemon of this.#daemons) daemon.kill();
    clearAway(this.#hosts);
    rmSync(DIRECTORY, { recursive: true, force: true });
  }

  /** Lets go of the daemons, so that this process can end before them. */
  leave(): void {
    this.#watch?.abandon();
    for (const daemon of this.#daemons) daemon.release();
  }

  /** What both daemons have logged, for whoever wants to know what went wrong. */
  logs(): string {
    return this.#daemons.map(({ host, log }) => `--- ${host.end} ---\n${log}`).join("\n");
  }

  async #startDaemons(): Promise<void> {
    this.#say("starting a daemon on each");
    const secret = join(DIRECTORY, "psk");
    writeFileSync(secret, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
    const [left, right] = this.#hosts;
    // The one that answers first: the other begins at once.
    for (const [self, peer] of [
      [right, left],
      [left, right],
    ] as const) {
      const controlSocket = join(DIRECTORY, `${self.end}.sock`);
      const file = join(DIRECTORY, `${self.end}.yaml`);
      writeFileSync(file, configFile(self, peer, this.#options, { controlSocket, secret }), { mode: 0o600 });
      const daemon = new DaemonProcess(self, file, controlSocket);
      this.#daemons = self === left ? [daemon, ...this.#daemons] : [...this.#daemons, daemon];
      await daemon.started();
    }
  }

  /** Twice from each CPU: the first time they ask for their own Child SAs, the second time they have them. */
  async #ping(): Promise<{ pings: PingResult; afterPings: Awaited<ReturnType<DaemonProcess["status"]>>[] }> {
    this.#say("pinging from each CPU of both");
    return withEchoServers(this.#hosts, async () => {
      const [left, right] = this.#hosts;
      let [sent, received] = [0, 0];
      for (const round of [1, 2]) {
        if (round === 2) await this.#settle();
        for (const result of [await pingFromEachCpu(left, right, this.#workerCpus), await pingFromEachCpu(right, left, this.#workerCpus)]) {
          sent += result.sent;
          received += result.received;
        }
      }
      return { pings: { sent, received }, afterPings: await Promise.all(this.#daemons.map((daemon) => daemon.status())) };
    });
  }

  /** Waits until every CPU of both ends has its Child SA, or long enough for that. */
  async #settle(): Promise<void> {
    const deadline = Date.now() + SETTLE_PATIENCE;
    while (Date.now() < deadline) {
      const statuses = await Promise.all(this.#daemons.map((daemon) => daemon.status()));
      const isComplete = statuses.every(({ endpoint: { groups } }) =>
        groups.some(({ cpus }) => cpus.length > 0 && cpus.every(({ entry }) => entry === "own")),
      );
      if (isComplete) return;
      await sleep(50);
    }
  }

  async #moveBulk(): Promise<{ tunnelGbps: number; plainGbps: number; sender: string }> {
    const tool = bulkTool(this.#options.sender);
    const [, right] = this.#hosts;
    const measure = (to: string): Promise<number> => measureBulk(tool, this.#hosts, to, this.#workerCpus, this.#options.seconds);
    this.#say(`moving bulk TCP without the tunnel (${tool.name}, ${this.#options.seconds} s)`);
    const plainGbps = await measure(right.plainAddress);
    this.#say("and through it");
    return { plainGbps, tunnelGbps: await measure(right.innerAddress), sender: tool.name };
  }

  async #takeDown(): Promise<(number | null)[]> {
    this.#say("ending both daemons");
    const statuses: (number | null)[] = [];
    for (const daemon of this.#daemons) statuses.push(await daemon.down());
    return statuses;
  }

  #keptNotes(): string[] {
    return [
      "Both hosts are left running. To look at them, and to take them away:",
      ...this.#daemons.map(({ controlSocket }) => `  node dist/src/cli/main.js status --socket ${controlSocket}`),
      ...this.#hosts.map(({ namespace }) => `  ip netns exec ${namespace} bash`),
      ...this.#hosts.map(({ namespace }) => `  ip netns pids ${namespace} | xargs kill; ip netns delete ${namespace}`),
    ];
  }
}
