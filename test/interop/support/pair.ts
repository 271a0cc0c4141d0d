/** Hawser on the left host, strongSwan on the right one, and echo servers on both. */
import { strict as assert } from "node:assert";
import { Hawser } from "./hawser.ts";
import type { HawserSettings } from "./hawser.ts";
import { makeHosts } from "./hosts.ts";
import type { Hosts } from "./hosts.ts";
import { StrongSwan } from "./strongswan.ts";
import type { StrongSwanSettings } from "./strongswan.ts";
import { Echo } from "./traffic.ts";
import type { PingOptions } from "./traffic.ts";
import { until } from "./until.ts";

export interface PairSettings {
  readonly hawser?: HawserSettings;
  readonly strongSwan?: StrongSwanSettings;
  /** IP version outside and inside. */
  readonly outer?: 4 | 6;
  readonly inner?: 4 | 6;
}

export class Pair {
  readonly hosts: Hosts;
  readonly hawser: Hawser;
  readonly strongSwan: StrongSwan;
  readonly #echo: Echo;

  private constructor(hosts: Hosts, hawser: Hawser, strongSwan: StrongSwan, echo: Echo) {
    this.hosts = hosts;
    this.hawser = hawser;
    this.strongSwan = strongSwan;
    this.#echo = echo;
  }

  /** Both daemons run and know of each other; nothing is up yet. */
  static async start(root: string, { hawser, strongSwan, outer = 4, inner = 4 }: PairSettings = {}): Promise<Pair> {
    const hosts = makeHosts(outer, inner);
    try {
      const [ours, theirs] = await Promise.all([
        Hawser.start(hosts, hosts.left, hawser),
        StrongSwan.start(root, hosts, hosts.right, strongSwan),
      ]);
      return new Pair(hosts, ours, theirs, await Echo.start(hosts.left, hosts.right));
    } catch (error) {
      hosts.remove();
      throw error;
    }
  }

  /** The same with a daemon that has taken the place of ours. */
  withHawser(hawser: Hawser): Pair {
    return new Pair(this.hosts, hawser, this.strongSwan, this.#echo);
  }

  /** Ends everything and removes the hosts. */
  stop(): void {
    this.#echo.stop();
    this.hosts.remove();
  }

  /** Pings from both ends at a time; every ping must be answered. */
  async pingBothWays(options: PingOptions = {}): Promise<void> {
    const { left, right } = this.hosts;
    const results = await Promise.all([this.#echo.ping(left, right, options), this.#echo.ping(right, left, options)]);
    for (const { sent, received } of results) assert.equal(received, sent, `${sent - received} of ${sent} pings were lost`);
  }

  /** Pings to strongSwan from one of Hawser's CPUs; returns how many got no answer. */
  async lossFromCpu(cpu: number, options: PingOptions = {}): Promise<number> {
    const { sent, received } = await this.#echo.ping(this.hosts.left, this.hosts.right, { ...options, cpu });
    return sent - received;
  }

  /** Waits until both ends have the same `count` Child SAs, in one IKE SA at each. */
  async agree(count: number): Promise<void> {
    const describe = (spis: readonly (readonly [number, number])[]): string => JSON.stringify([...spis].sort());
    let seen = "";
    await until(
      `both ends have the same ${count} Child SAs and one IKE SA`,
      async () => {
        const ours = (await this.hawser.childSas()).map(({ spiIn, spiOut }) => [spiIn, spiOut] as const);
        const theirs = (await this.strongSwan.childSas()).map(({ spiIn, spiOut }) => [spiOut, spiIn] as const);
        const ikeSas = [(await this.hawser.ikeSas()).length, await this.strongSwan.ikeSaCount()];
        seen = `Hawser: ${describe(ours)}, strongSwan: ${describe(theirs)}, IKE SAs: ${ikeSas.join(" and ")}`;
        return ours.length === count && describe(ours) === describe(theirs) && ikeSas.every((n) => n === 1) ? true : undefined;
      },
      { explain: () => `${seen}\n${this.logs()}` },
    );
  }

  /** Waits until neither end has any SA. */
  async areDown(): Promise<void> {
    await until(
      "both ends have no IKE SA",
      async () => ((await this.hawser.ikeSas()).length + (await this.strongSwan.ikeSaCount()) === 0 ? true : undefined),
      { explain: () => this.logs() },
    );
  }

  /** The last words of both. */
  logs(): string {
    return [this.hawser.log, this.strongSwan.log].map((log) => log.trim().split("\n").slice(-25).join("\n")).join("\n\n");
  }
}
