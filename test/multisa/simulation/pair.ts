/** Two ends, the network between them, and one clock. */
import assert from "node:assert/strict";
import type { CpuIndex } from "../../../src/ipsec/names.ts";
import type { GroupConfig } from "../../../src/multisa/config.ts";
import { seededRandom, type Random } from "../../ike/harness/random.ts";
import { groupConfig } from "../harness/build.ts";
import { checkAgreement, checkEnd } from "./checks.ts";
import { End, type Sa } from "./end.ts";
import { Network, otherSide, PERFECT, type Conditions, type Side } from "./network.ts";
import type { Fate } from "./workers.ts";

export interface PairOptions {
  readonly left?: Partial<GroupConfig>;
  readonly right?: Partial<GroupConfig>;
  readonly conditions?: Conditions;
  readonly seed?: number;
  /** All that there may ever be at each end; those of the configurations otherwise. */
  readonly allCpus?: readonly CpuIndex[];
}

/** Longer than this, and the two ends talk for ever. */
const MAX_STEPS = 200_000;

export class Pair {
  readonly left: End;
  readonly right: End;
  readonly network: Network;
  readonly random: Random;
  now = 0;
  /** How many SAs an end has had at once, at any check. */
  mostMembers = 0;
  #lastId = 0;

  constructor({ left = {}, right = {}, conditions = PERFECT, seed = 9611, allCpus }: PairOptions = {}) {
    this.random = seededRandom(seed);
    this.network = new Network(this.random, conditions);
    const context = { network: this.network, random: this.random, now: () => this.now, newId: () => ++this.#lastId };
    const [leftConfig, rightConfig] = [groupConfig(left), groupConfig(right)];
    this.left = new End("left", leftConfig, allCpus ?? leftConfig.cpus, context);
    this.right = new End("right", rightConfig, allCpus ?? rightConfig.cpus, context);
  }

  get ends(): readonly [End, End] {
    return [this.left, this.right];
  }

  end(side: Side): End {
    return side === "left" ? this.left : this.right;
  }

  /** A packet, which proves to its receiver that the sender has the SA. */
  send(side: Side, cpu: CpuIndex): Fate | "unknown SPI" {
    const fate = this.end(side).send(cpu);
    if (typeof fate === "string") return fate;
    const peer = this.end(otherSide(side));
    const sa = [...peer.sas.values()].find(({ peerId }) => peerId === fate.sentOn);
    if (sa === undefined) return "unknown SPI";
    if (!sa.confirmed) peer.confirm(sa);
    return fate;
  }

  /** One datagram arrives or is lost; when none is on its way, what is not answered is sent again. */
  step(): void {
    if (this.network.isQuiet) for (const end of this.ends) end.retransmit();
    const datagram = this.network.next();
    if (datagram === undefined) return;
    const end = this.end(datagram.to);
    if ("request" in datagram) end.handleRequest(datagram.id, datagram.request);
    else end.handleResponse(datagram.id, datagram.response);
  }

  /** Answers whose arrival their sender could learn of. */
  get confirmable(): { readonly end: End; readonly sa: Sa }[] {
    return this.ends.flatMap((end) =>
      end.live.filter((sa) => !sa.confirmed && this.end(otherSide(end.side)).sas.has(sa.peerId)).map((sa) => ({ end, sa })),
    );
  }

  /** Lets everything that is under way come to its end, and checks that both ends then agree. */
  settle(): void {
    for (let steps = 0; !this.network.isQuiet || this.ends.some(({ isWaiting }) => isWaiting) || this.confirmable.length > 0; steps++) {
      assert.ok(steps < MAX_STEPS, "the two ends do not come to rest");
      this.step();
      if (this.network.isQuiet) for (const { end, sa } of this.confirmable) end.confirm(sa);
    }
    for (const end of this.ends) end.workers.applyAll();
    this.check();
    checkAgreement(this.left, this.right);
  }

  /** What holds at any time. */
  check(): void {
    for (const end of this.ends) {
      checkEnd(end);
      this.mostMembers = Math.max(this.mostMembers, end.live.length);
    }
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    for (const end of this.ends) if ((end.group.nextTimeout() ?? Infinity) <= this.now) end.tick();
  }

  /** Packets from every CPU of both ends, again and again until no more comes of it. */
  sendEverywhere(): void {
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 20, "there is always something more to ask for");
      const before = this.left.rules.requests + this.right.rules.requests;
      for (const end of this.ends) for (const { cpu } of end.workers.all) this.send(end.side, cpu);
      this.settle();
      if (this.left.rules.requests + this.right.rules.requests === before) return;
    }
  }

  /** The IKE SA is gone at both ends. */
  destroy(): void {
    this.network.clear();
    for (const end of this.ends) end.destroy();
  }
}
