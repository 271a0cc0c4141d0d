/** MOBIKE under loss, by seed: the initiator wanders between addresses while both ends rekey, and packets get lost, late and out of order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAgreement } from "./harness/assertions.ts";
import { LEFT_ADDRESS, RIGHT_ADDRESS } from "./harness/configs.ts";
import { seededRandom } from "./harness/random.ts";
import { forEachSeed } from "./harness/seeds.ts";
import { World, type InFlight } from "./harness/world.ts";

const ADDRESSES = [LEFT_ADDRESS, "198.51.100.1", "198.51.100.33", "203.0.113.9"];
const SEEDS = 40;
const DEEDS = 25;
const LOSS = 0.2;
/** Milliseconds. */
const LONGEST_DELAY = 300;
const LONGEST_PAUSE = 3000;
/** For the last retransmission to go through, and what follows from it. */
const RECOVERY = 400_000;

class Wandering {
  readonly world: World;
  readonly #random: ReturnType<typeof seededRandom>;
  #arrivals: { readonly at: number; readonly datagram: InFlight }[] = [];
  #loss = LOSS;
  /** Of the left end; undefined: it has none at the moment. */
  #present: string | undefined = LEFT_ADDRESS;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const child = { perCpuSas: true };
    this.world = new World({
      seed,
      cpus: 2,
      left: { connection: { mobike: true, localAddrs: ["%any"], dpdDelay: 10_000 }, child },
      right: { connection: { mobike: true, remoteAddrs: ["%any"] }, child },
    });
    this.world.initiate();
    this.world.settle();
    this.world.carry = (datagram) => this.#carry(datagram);
  }

  run(): void {
    for (let deed = 0; deed < DEEDS; deed++) {
      this.#act();
      this.#runFor(LONGEST_PAUSE * this.#random.next());
    }
    this.#loss = 0;
    if (this.#present === undefined) this.#moveTo(LEFT_ADDRESS);
    this.#runFor(RECOVERY);
  }

  /** Where the left end is, as it knows itself and as the right end sees it: for IKE, and for each Child SA's packets. */
  whereabouts(): { readonly own: unknown; readonly seen: unknown; readonly esp: unknown[] } {
    const { world } = this;
    const { left, right } = world;
    const known = new Set(world.status(right).childSas.map(({ id }) => id));
    const esp = new Map([...right.dataPlane.outbound].map(([id, { spec }]) => [id, spec.remote.address]));
    for (const message of right.dataPlane.log) {
      if (message.verb === "updateAddresses" && esp.has(message.id)) esp.set(message.id, message.remote.address);
    }
    return {
      own: world.status(left).ikeSas[0]?.local.address,
      seen: world.status(right).ikeSas[0]?.remote.address,
      esp: [...esp].filter(([id]) => known.has(id)).map(([, address]) => address),
    };
  }

  #act(): void {
    const { world } = this;
    const host = this.#random.chance(0.5) ? world.left : world.right;
    const choice = this.#random.next();
    if (choice < 0.5) this.#moveTo(this.#random.chance(0.15) ? undefined : this.#random.pick(ADDRESSES));
    else if (choice < 0.7) this.#rekey(host === world.left ? "left" : "right", "childSa");
    else if (choice < 0.85) this.#rekey(host === world.left ? "left" : "right", "ikeSa");
    else world.send(host, this.#random.below(2));
  }

  #moveTo(address: string | undefined): void {
    this.#present = address;
    const { world } = this;
    world.act(world.left, (endpoint) => endpoint.handleLocalAddresses(address === undefined ? [] : [address], world.now));
  }

  /** If there is one; what is being rekeyed is not rekeyed twice. */
  #rekey(side: "left" | "right", kind: "childSa" | "ikeSa"): void {
    const host = this.world.host(side);
    const { childSas, ikeSas } = this.world.status(host);
    const [childSa, ikeSa] = [this.#random.pick(childSas), ikeSas[0]];
    const target = kind === "childSa" ? childSa && { childSa: childSa.id } : ikeSa && { ikeSa: ikeSa.id };
    if (target !== undefined) this.world.act(host, (endpoint) => endpoint.handleCommand({ verb: "rekey", target }, this.world.now));
  }

  #carry(datagram: InFlight): void {
    if (this.#random.chance(this.#loss) || (datagram.from === "left" && datagram.local.address !== this.#present)) return;
    this.#arrivals.push({ at: this.world.now + LONGEST_DELAY * this.#random.next(), datagram });
  }

  /** Only to where the receiver still is. */
  #arrive({ datagram }: { readonly datagram: InFlight }): void {
    const receiver = datagram.from === "left" ? RIGHT_ADDRESS : this.#present;
    if (datagram.remote.address === receiver) this.world.arrive(datagram);
  }

  #runFor(milliseconds: number): void {
    const { world } = this;
    const end = world.now + milliseconds;
    for (;;) {
      this.#arrivals.sort((a, b) => a.at - b.at);
      const next = Math.min(this.#arrivals[0]?.at ?? Infinity, world.left.timeoutAt, world.right.timeoutAt);
      if (next > end) break;
      world.now = Math.max(world.now, next);
      const due = this.#arrivals[0];
      if (due !== undefined && due.at <= world.now) {
        this.#arrivals.shift();
        this.#arrive(due);
      } else {
        world.advance(0);
      }
    }
    world.now = end;
  }
}

test(`${SEEDS} wanderings: in the end both ends agree on the SAs, and on where the initiator is`, () => {
  let moves = 0;
  let runs = 0;
  forEachSeed(SEEDS, (seed) => {
    const wandering = new Wandering(seed);
    wandering.run();
    const { own, seen, esp } = wandering.whereabouts();
    assert.ok(own !== undefined, "there is no IKE SA any more");
    assert.equal(seen, own);
    for (const address of esp) assert.equal(address, own, "ESP");
    assertAgreement(wandering.world);
    moves += wandering.world.left.events.filter(({ kind }) => kind === "localMoved").length;
    runs++;
  });
  assert.ok(moves > 5 * runs, `${moves} moves`);
});
