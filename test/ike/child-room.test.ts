/** Child SAs of one IKE SA: a peer that asks for ever more of them, in whatever way, gets what its connection's children can use, and no more. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { espSpiOctets } from "../../src/ike/esp-spi.ts";
import { withSpi } from "../../src/ike/proposals.ts";
import { espSpi } from "../../src/ipsec/names.ts";
import { ExchangeType, ProtocolId } from "../../src/wire/iana/index.ts";
import { rekeySa, saResourceInfo } from "../../src/wire/notify.ts";
import type { Payload } from "../../src/wire/payload.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { childConfig, espProposals, ikeProposals, type Overrides } from "./harness/configs.ts";
import { forgerIn, type Forger } from "./harness/forger.ts";
import { establishedWorld, flowFrom, World, type WorldOptions } from "./harness/world.ts";

/** The left end, with an IKE SA and a Child SA, which says what it likes from now on. */
class Hoarder {
  readonly world: World;
  readonly #forger: Forger;
  #messageId = 1;
  #spi = 0x1000;

  constructor(options: WorldOptions = {}) {
    this.world = new World(options);
    this.#forger = forgerIn(this.world);
    this.world.initiate();
    this.world.settle();
  }

  get childSas(): number {
    return this.world.status(this.world.right).childSas.length;
  }

  get policies(): number {
    return this.world.right.dataPlane.policies.size;
  }

  get inbound(): number {
    return this.world.right.dataPlane.inbound.size;
  }

  /** A Child SA for a host of its own. The notifies of the answer. */
  create(index: number, ...more: readonly Payload[]): string {
    return this.#createFor(`10.1.${index >> 8}.${index & 0xff}/32`, more);
  }

  /** One for the selectors that the first has. */
  createAlike(...more: readonly Payload[]): string {
    return this.#createFor("10.1.0.0/16", more);
  }

  /** The newest, whose predecessor stays. */
  rekeyNewest(): string {
    const newest = this.world.status(this.world.right).childSas.at(-1);
    assert.ok(newest !== undefined);
    return this.#createFor("10.1.0.0/16", [rekeySa(ProtocolId.ESP, espSpiOctets(espSpi(newest.spiOut)))]);
  }

  deleteNewest(): void {
    const newest = this.world.status(this.world.right).childSas.at(-1);
    assert.ok(newest !== undefined);
    const spis = [espSpiOctets(espSpi(newest.spiOut))];
    this.#ask(ExchangeType.INFORMATIONAL, [{ type: "DELETE", protocolId: ProtocolId.ESP, spiSize: 4, spis }]);
  }

  #createFor(own: string, more: readonly Payload[]): string {
    const spi = espSpiOctets(espSpi(++this.#spi));
    return this.#ask(ExchangeType.CREATE_CHILD_SA, [
      ...more,
      { type: "SA", proposals: withSpi(espProposals("aes128gcm16-noesn"), spi) },
      { type: "NONCE", data: new Uint8Array(32).fill(this.#spi) },
      { type: "TSi", selectors: [parsePrefix(own)] },
      { type: "TSr", selectors: [parsePrefix("10.2.0.0/16")] },
    ]);
  }

  #ask(exchangeType: number, payloads: readonly Payload[]): string {
    const { left, right } = this.world;
    const octets = this.#forger.request({ exchangeType, messageId: ++this.#messageId, payloads });
    const [local, remote] = [right, left].map(({ address }) => ({ address, port: 4500 }));
    assert.ok(local !== undefined && remote !== undefined);
    this.world.act(right, (endpoint) => endpoint.handleDatagram({ local, remote, octets }, this.world.now));
    const answer = this.world.lose("right");
    // What the right end begins by itself meets silence.
    this.world.wire.length = 0;
    return /N\((?:NO_|TS_|TEMP)\w+\)/.exec(answer)?.[0] ?? "made";
  }
}

const NO_MORE = "N(NO_ADDITIONAL_SAS)";
const LATER = "N(TEMPORARY_FAILURE)";
const times = (count: number, action: (index: number) => string): string[] => Array.from({ length: count }, (_, index) => action(index));
const count = (answers: readonly string[], answer: string): number => answers.filter((each) => each === answer).length;

describe("a peer that narrows the selectors to one host after another", () => {
  test("has eight pairs of selectors, then NO_ADDITIONAL_SAS, and the operator is told why", () => {
    const peer = new Hoarder();
    const answers = times(300, (index) => peer.create(index));
    assert.deepEqual([count(answers, "made"), count(answers, NO_MORE)], [7, 293]);
    assert.deepEqual([peer.childSas, peer.policies], [8, 8]);
    const [refused] = eventsOf(peer.world.right, "refusedPeer");
    assert.equal(refused?.notify, "NO_ADDITIONAL_SAS");
    assert.match(refused.text, /8 pairs of selectors of net, .*max_ts_pairs/);
    assert.equal(peer.createAlike(), "made", "what is within the first pair is its group's to judge");
  });

  test("has as many as max_ts_pairs allows", () => {
    const peer = new Hoarder({ right: { child: { maxTsPairs: 100 } } });
    const answers = times(300, (index) => peer.create(index));
    assert.equal(count(answers, "made"), 99);
  });

  test("has as many as are configured, if it takes them one by one", () => {
    const prefixes = (network: number, size: number) =>
      Array.from({ length: size }, (_, index) => parsePrefix(`10.${network}.${index}.0/24`));
    const right: Overrides = { child: { localTs: prefixes(2, 4), remoteTs: prefixes(1, 5) } };
    const children = prefixes(1, 5).flatMap((local, i) =>
      prefixes(2, 4).map((remote, j) => childConfig("left", { name: `${i}-${j}`, localTs: [local], remoteTs: [remote] })),
    );
    const world = establishedWorld({ left: { connection: { children } }, right });
    for (const { name } of children) world.initiate(world.left, name);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.right).groups.length, 20);
  });

  test("may use the room of those that it deletes", () => {
    const peer = new Hoarder();
    times(100, (index) => peer.create(index));
    for (let index = 0; index < 100; index++) {
      peer.deleteNewest();
      peer.world.run(2000);
      assert.equal(peer.create(1000 + index), "made");
      assert.equal(peer.create(2000 + index), NO_MORE);
    }
    assert.deepEqual([peer.childSas, peer.policies, peer.inbound], [8, 8, 8]);
  });

  test("leaves no more policies behind where an idle timeout keeps them", () => {
    const peer = new Hoarder({ right: { child: { idleTimeout: 3600_000 } } });
    for (let index = 0; index < 50; index++) {
      assert.equal(peer.create(index), "made");
      peer.deleteNewest();
      peer.world.run(2000);
    }
    assert.deepEqual([peer.childSas, peer.policies, peer.world.status(peer.world.right).groups.length], [1, 8, 8]);
  });

  test("as responder, of what packets here ask for: no more is asked", () => {
    const host = (index: number): string => `10.2.0.${index}`;
    const children = Array.from({ length: 20 }, (_, index) =>
      childConfig("right", { name: `host${index}`, localTs: [parsePrefix(`${host(index)}/32`)] }),
    );
    const world = new World({ left: { child: { startAction: "trap" } }, right: { connection: { children } } });
    for (let index = 0; index < 20; index++) {
      world.send(world.left, 0, { ...flowFrom("left"), destinationAddress: host(index) });
      world.settle();
      world.run(6000);
    }
    assertAgreement(world);
    assert.equal(world.status(world.left).groups.length, 8);
    assert.match(eventsOf(world.left, "connectionFailed")[0]?.text ?? "", /narrowed the child net .*max_ts_pairs/);
  });

  test("while additional key exchanges are under way: it is judged again when they are done", () => {
    const esp = espProposals("aes128gcm16-x25519-ke1_mlkem512-noesn");
    const connection = { proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ke1_mlkem512") };
    const children = Array.from({ length: 6 }, (_, index) =>
      childConfig("left", { name: `net${index}`, localTs: [parsePrefix(`10.1.${index}.0/24`)], espProposals: esp }),
    );
    const right = { connection, child: { espProposals: esp, maxTsPairs: 2 } };
    const world = new World({ left: { connection: { ...connection, children } }, right });
    world.initiate();
    for (let round = 0; world.wire.length > 0; round++) {
      assert.ok(round < 100);
      for (const datagram of world.wire.splice(0)) world.arrive(datagram);
    }
    assertAgreement(world);
    assert.equal(world.status(world.right).groups.length, 2);
    assert.equal(
      count(
        eventsOf(world.right, "refusedPeer").map(({ notify: name }) => name),
        "NO_ADDITIONAL_SAS",
      ),
      4,
    );
    world.run(60_000);
    assert.equal(world.right.dataPlane.inbound.size, 2);
  });
});

describe("a peer that asks for more Child SAs than the children may have together", () => {
  const perCpu: Overrides = { child: { perCpuSas: true } };

  test("is refused by NO_ADDITIONAL_SAS for new selectors, by TS_MAX_QUEUE for further ones of those that there are", () => {
    // Two for each CPU of one full group, and one for each of seven others.
    const peer = new Hoarder({ cpus: 4, left: perCpu, right: perCpu });
    const narrowed = times(7, (index) => peer.create(index, saResourceInfo()));
    const further = times(20, () => peer.create(0, saResourceInfo()));
    assert.equal(count(narrowed, "made"), 7);
    assert.deepEqual([count(further, "made"), count(further, "N(TS_MAX_QUEUE)")], [7, 13]);
    assert.equal(peer.childSas, 15);
    assert.equal(peer.createAlike(saResourceInfo()), "N(TS_MAX_QUEUE)");
    const [refused] = eventsOf(peer.world.right, "refusedPeer").slice(-1);
    assert.match(refused?.text ?? "", /15 Child SAs on this IKE SA, the limit for the children of tunnel is 15 \(max_sas, max_ts_pairs\)/);
  });

  test("meets no limit before max_sas: a thousand for one pair of selectors", () => {
    const many: Overrides = { child: { perCpuSas: true, maxSas: 1000 } };
    const peer = new Hoarder({ cpus: 4, left: many, right: many });
    const answers = times(1000, () => peer.createAlike(saResourceInfo()));
    assert.deepEqual([count(answers, "made"), count(answers, "N(TS_MAX_QUEUE)")], [999, 1]);
    assert.equal(peer.rekeyNewest(), "made");
  });

  test("by rekeys without a Delete: twice as many, then TEMPORARY_FAILURE until they are deleted", () => {
    const peer = new Hoarder();
    const answers = times(100, () => peer.rekeyNewest());
    // One CPU: two in the group, and seven others.
    assert.deepEqual([count(answers, "made"), count(answers, LATER)], [17, 83]);
    assert.equal(peer.childSas, 18);
    assert.match(eventsOf(peer.world.right, "refusedPeer")[0]?.text ?? "", /18 Child SAs .* twice the limit of 9/);
    peer.deleteNewest();
    peer.world.advance(2000);
    peer.world.wire.length = 0;
    assert.equal(peer.rekeyNewest(), "made");
  });

  test("by deleting at once what it has made: those that linger count too", () => {
    const peer = new Hoarder();
    const answers = times(100, (index) => {
      const answer = peer.create(index);
      if (answer === "made") peer.deleteNewest();
      return answer;
    });
    assert.deepEqual([count(answers, "made"), count(answers, LATER)], [17, 83]);
    assert.equal(peer.inbound, 18);
    peer.world.run(2000);
    assert.equal(peer.inbound, 1);
    assert.equal(peer.create(1000), "made");
  });

  test("keeps its IKE SA and its traffic: a refusal ends nothing", () => {
    const peer = new Hoarder();
    times(20, (index) => peer.create(index));
    const { ikeSas } = peer.world.status(peer.world.right);
    assert.deepEqual(
      ikeSas.map(({ state }) => state),
      ["ESTABLISHED"],
    );
    assert.equal(peer.world.pass(peer.world.left, 0), undefined);
  });
});
