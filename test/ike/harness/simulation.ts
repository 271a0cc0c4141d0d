/**
 * A world left to itself: a network that loses, repeats and delays (and so reorders) datagrams, and operators and packets that do things at
 * random times. All from one seed.
 */
import type { Command } from "../../../src/ike/command.ts";
import type { ChildSaStatus, IkeSaStatus } from "../../../src/ike/status.ts";
import { cpuIndex } from "../../../src/ipsec/names.ts";
import { datagramSize, flowFrom, World, type Host, type InFlight, type WorldOptions } from "./world.ts";
import { seededRandom, type Random } from "./random.ts";

export interface NetworkOptions {
  /** 0..1, of datagrams. */
  readonly loss: number;
  readonly duplicate: number;
  /** Milliseconds on the way: at least, at most. */
  readonly delay: readonly [number, number];
  /** Octets of the largest IPv4 datagram that the path carries, headers included; larger ones vanish. Any size when absent. */
  readonly mtu?: number;
}

/** What may happen, and how often in relation to the rest. */
export type Deed = "packet" | "rekeyChild" | "rekeyIke" | "closeChild" | "closeIke" | "initiate";

export interface SimulationOptions extends WorldOptions {
  readonly seed: number;
  readonly network: NetworkOptions;
  readonly deeds: Readonly<Partial<Record<Deed, number>>>;
  /** Deeds in all, and the mean of milliseconds between two of them. */
  readonly count: number;
  readonly pace: number;
  /** 0..1: how often both ends do something at the same time, and to the same SA if it is one that both know. */
  readonly together?: number;
  /** Is told every datagram, when it is sent, lost and delivered, and every deed. */
  readonly trace?: (line: string) => void;
}

interface Arrival {
  readonly at: number;
  readonly datagram: InFlight;
}

export class Simulation {
  readonly world: World;
  readonly random: Random;
  readonly #options: SimulationOptions;
  #network: NetworkOptions;
  #clashes = 0;
  #tooLarge = 0;
  #arrivals: Arrival[] = [];
  #pollAt: number;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#network = options.network;
    this.random = seededRandom(options.seed);
    this.world = new World(options);
    this.world.carry = (datagram) => this.#carry(datagram);
    this.#pollAt = this.world.now + 1000;
  }

  /** How often both ends have done something to the same SA at the same time. */
  get clashes(): number {
    return this.#clashes;
  }

  /** Datagrams that the path did not carry for their size. */
  get tooLarge(): number {
    return this.#tooLarge;
  }

  /** All the deeds, then `patience` milliseconds more of the same network. */
  run(patience: number): void {
    const { count, pace } = this.#options;
    this.world.initiate(this.random.chance(0.5) ? this.world.left : this.world.right);
    for (let index = 0; index < count; index++) {
      this.#runFor(2 * pace * this.random.next());
      this.#act();
    }
    this.#runFor(patience);
  }

  /** The network gets well, and whatever is still to be found out is found out. */
  recover(milliseconds: number): void {
    this.#network = { ...this.#network, loss: 0, duplicate: 0, delay: [1, 1] };
    this.#runFor(milliseconds);
  }

  #runFor(milliseconds: number): void {
    const { world } = this;
    const end = world.now + milliseconds;
    for (;;) {
      const arrival = this.#earliest();
      const next = Math.min(arrival?.at ?? Infinity, world.left.timeoutAt, world.right.timeoutAt, this.#pollAt);
      if (next > end) break;
      world.now = Math.max(world.now, next);
      if (arrival !== undefined && arrival.at <= world.now) {
        this.#arrivals.splice(this.#arrivals.indexOf(arrival), 1);
        this.#trace(() => `deliver ${world.describe(arrival.datagram)}`);
        world.arrive(arrival.datagram);
      } else if (this.#pollAt <= world.now) {
        this.#pollAt += 1000;
        world.pollUsage();
      } else {
        world.advance(0);
      }
    }
    world.now = end;
  }

  #earliest(): Arrival | undefined {
    return this.#arrivals.reduce<Arrival | undefined>((best, each) => (best === undefined || each.at < best.at ? each : best), undefined);
  }

  #carry(datagram: InFlight): void {
    const { loss, duplicate, delay, mtu = Infinity } = this.#network;
    if (datagramSize(datagram) > mtu) {
      this.#tooLarge++;
      this.#trace(() => `drop    ${this.world.describe(datagram)}: it is too large for the path`);
      return;
    }
    const copies = 1 + (this.random.chance(duplicate) ? 1 : 0);
    this.#trace(() => `send    ${this.world.describe(datagram)}`);
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(loss)) {
        this.#trace(() => `lose    ${this.world.describe(datagram)}`);
        continue;
      }
      this.#arrivals.push({ at: this.world.now + delay[0] + (delay[1] - delay[0]) * this.random.next(), datagram });
    }
  }

  #act(): void {
    const { world, random } = this;
    const host = random.chance(0.5) ? world.left : world.right;
    const child = random.pick(world.status(host).childSas);
    // Nobody names an IKE SA that is not authenticated yet.
    const ikeSa = random.pick(world.status(host).ikeSas.filter(({ remoteId }) => remoteId !== undefined));
    const touched = this.#do(host, child, ikeSa);
    if (!random.chance(this.#options.together ?? 0)) return;
    const peer = world.peerOf(host);
    const { ikeSas, childSas } = world.status(peer);
    const alsoTouched = this.#do(
      peer,
      childSas.find(({ spiIn }) => spiIn === child?.spiOut),
      ikeSas.find(({ initiatorSpi, responderSpi }) => initiatorSpi === ikeSa?.initiatorSpi && responderSpi === ikeSa.responderSpi),
    );
    if (touched && alsoTouched) this.#clashes++;
  }

  /** @returns whether it was something that an SA went through */
  #do(host: Host, child: ChildSaStatus | undefined, ikeSa: IkeSaStatus | undefined): boolean {
    const deed = this.#drawDeed();
    this.#trace(() => {
      const children = this.world.status(host).childSas.map(({ spiIn, state, cpu }) => `${(spiIn >>> 0).toString(16)} ${state} on ${cpu}`);
      return `${host.side}: ${deed} of ${children.join(", ")}`;
    });
    switch (deed) {
      case "packet":
        this.#packet(host);
        return false;
      case "rekeyChild":
        return child !== undefined && this.#command(host, { verb: "rekey", target: { childSa: child.id } });
      case "rekeyIke":
        return ikeSa !== undefined && this.#command(host, { verb: "rekey", target: { ikeSa: ikeSa.id } });
      case "closeChild":
        return child !== undefined && this.#command(host, { verb: "terminate", target: { childSa: child.id } });
      case "closeIke":
        return ikeSa !== undefined && this.#command(host, { verb: "terminate", target: { ikeSa: ikeSa.id } });
      case "initiate":
        this.#command(host, { verb: "initiate", connection: "tunnel" });
        return false;
    }
  }

  /** @returns whether it was taken: what is being rekeyed already is not rekeyed twice */
  #command(host: Host, command: Command): boolean {
    let ok = false;
    this.world.act(host, (endpoint) => (ok = endpoint.handleCommand(command, this.world.now).ok));
    return ok;
  }

  /** From a random CPU, there in no time: loss of ESP is not the subject here. */
  #packet(host: Host): void {
    const { cpus = 1 } = this.#options;
    const count = typeof cpus === "number" ? cpus : cpus[host.side === "left" ? 0 : 1];
    const result = host.dataPlane.send(cpuIndex(this.random.below(count)), flowFrom(host.side));
    this.world.deliverAcquires();
    if (result.kind === "sealed") this.world.peerOf(host).dataPlane.receive(result.packet);
  }

  /** Decrypting for nobody would cost more than the simulation itself. */
  #trace(line: () => string): void {
    const { trace } = this.#options;
    if (trace !== undefined) trace(`${(this.world.now - 1_000_000).toFixed(0).padStart(7)} ${line()}`);
  }

  #drawDeed(): Deed {
    const weights = Object.entries(this.#options.deeds) as [Deed, number][];
    let left = this.random.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [deed, weight] of weights) {
      left -= weight;
      if (left < 0) return deed;
    }
    return "packet";
  }
}
