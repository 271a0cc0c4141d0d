/** An IKE SA near the end of its message IDs, between two endpoints (RFC 7296 §2.2): nobody has four thousand million exchanges to wait for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import { EndpointCore } from "../../src/ike/endpoint-core.ts";
import { LivenessCheck } from "../../src/ike/exchanges/informational.ts";
import { IkeSaKeys } from "../../src/ike/ike-sa-keys.ts";
import { IkeSa } from "../../src/ike/ike-sa.ts";
import { LAST_MESSAGE_ID } from "../../src/ike/message-ids.ts";
import { cpuIndex } from "../../src/ipsec/names.ts";
import { newSpiSteering } from "../../src/ipsec/spi-steering.ts";
import type { IkeSpi } from "../../src/wire/ike-header.ts";
import { decodeMessage } from "../../src/wire/message.ts";
import { endpointConfig, ikeProposals, LEFT_ADDRESS, RIGHT_ADDRESS, type Side } from "./harness/configs.ts";

const NOW = 1000;
const REKEY_FROM = LAST_MESSAGE_ID - 65_535;
const CLOSE_FROM = LAST_MESSAGE_ID - 255;

interface End {
  readonly core: EndpointCore;
  readonly ikeSa: IkeSa;
}

interface FirstMessageIds {
  /** Of the requests of each end. */
  readonly left: number;
  readonly right: number;
}

function newCore(side: Side): EndpointCore {
  const entropy = seededEntropy(side);
  const steering = newSpiSteering((n) => entropy.bytes(n), 1);
  return new EndpointCore(endpointConfig(side), { entropy, steering, cpus: [cpuIndex(0)], now: NOW, date: () => 0 });
}

function newIkeSa(core: EndpointCore, side: Side, spis: Record<Side, IkeSpi>, firstMessageIds: FirstMessageIds): IkeSa {
  const other: Side = side === "left" ? "right" : "left";
  const addresses = { left: { address: LEFT_ADDRESS, port: 4500 }, right: { address: RIGHT_ADDRESS, port: 4500 } };
  const ikeSa = new IkeSa(
    {
      isOriginalInitiator: side === "left",
      ownSpi: spis[side],
      peerSpi: spis[other],
      state: { kind: "ESTABLISHED" },
      addresses: { local: addresses[side], remote: addresses[other] },
      firstMessageId: firstMessageIds[side],
      peersFirstMessageId: firstMessageIds[other],
      createdAt: NOW,
    },
    core.services,
    core,
  );
  [ikeSa.config] = core.config.connections;
  const [proposal] = ikeProposals("aes128gcm16-prfsha256-x25519");
  const inputs = { nonceI: new Uint8Array(32), nonceR: new Uint8Array(32), spiI: spis.left, spiR: spis.right };
  const sharedSecret = new Uint8Array(32).fill(7);
  ikeSa.useKeys(IkeSaKeys.derive(proposal?.transforms ?? [], { ...inputs, sharedSecret }, side === "left", core.services.entropy));
  core.ikeSaMade(ikeSa, NOW);
  return ikeSa;
}

/** Two ends of one IKE SA, which have had all the exchanges before these message IDs. */
class Pair {
  readonly left: End;
  readonly right: End;

  constructor(firstMessageIds: FirstMessageIds) {
    const [left, right] = [newCore("left"), newCore("right")];
    const spis = { left: left.services.reserveIkeSpi(), right: right.services.reserveIkeSpi() };
    this.left = { core: left, ikeSa: newIkeSa(left, "left", spis, firstMessageIds) };
    this.right = { core: right, ikeSa: newIkeSa(right, "right", spis, firstMessageIds) };
  }

  /** Delivers what `from` has to send now. Gives how much that was. */
  deliver(from: End): number {
    const to = from === this.left ? this.right : this.left;
    let count = 0;
    for (let output = from.core.services.outputs.poll(); output !== undefined && output.kind !== "timeout";) {
      if (output.kind === "transmit") {
        const message = decodeMessage(output.octets);
        const { initiatorSpi, responderSpi, isInitiator } = message.header;
        const path = { local: output.remote, remote: output.local };
        to.core.registry.bySpi(isInitiator ? responderSpi : initiatorSpi)?.handleMessage(message, output.octets, path, NOW);
        count++;
      }
      output = from.core.services.outputs.poll();
    }
    return count;
  }

  settle(): void {
    while (this.deliver(this.left) + this.deliver(this.right) > 0);
  }
}

const ask = ({ ikeSa }: End): void => ikeSa.exchanger.enqueue(new LivenessCheck(), NOW);

const begun = ({ ikeSa }: End): string[] => [...ikeSa.exchanger.outstanding, ...ikeSa.exchanger.queued].map(({ name }) => name);

const CHECK = "INFORMATIONAL liveness check";
const REKEY = "CREATE_CHILD_SA rekey IKE SA";

describe("a rekey is due", () => {
  test("by our own request", () => {
    const pair = new Pair({ left: REKEY_FROM - 1, right: 0 });
    ask(pair.left);
    assert.deepEqual(begun(pair.left), [CHECK], "not by the one before");
    pair.settle();
    assert.equal(pair.left.ikeSa.state.kind, "ESTABLISHED");
    ask(pair.left);
    assert.deepEqual(begun(pair.left), [CHECK, REKEY], "as soon as that is answered");
  });

  test("by the peer's request", () => {
    const pair = new Pair({ left: REKEY_FROM - 1, right: 0 });
    ask(pair.left);
    pair.settle();
    assert.deepEqual(begun(pair.right), [], "not by the one before");
    ask(pair.left);
    pair.deliver(pair.left);
    assert.deepEqual(begun(pair.right), [REKEY]);
    assert.equal(pair.right.ikeSa.state.kind, "REKEYING");
  });

  for (const [whose, firstMessageIds] of [
    ["initiator's", { left: REKEY_FROM, right: 0 }],
    ["responder's", { left: 0, right: REKEY_FROM }],
  ] as const) {
    test(`and takes place, whichever end is about to run out: the ${whose} message IDs`, () => {
      const pair = new Pair(firstMessageIds);
      ask(firstMessageIds.left > 0 ? pair.left : pair.right);
      pair.settle();
      for (const { core, ikeSa } of [pair.left, pair.right]) {
        assert.equal(ikeSa.state.kind, "DEAD");
        assert.deepEqual(
          core.registry.ikeSas.map(({ state }) => state.kind),
          ["ESTABLISHED"],
          "one successor",
        );
      }
    });
  }
});

describe("the IKE SA is closed when there is no time for a rekey any more", () => {
  for (const [whose, firstMessageIds] of [
    ["initiator's", { left: CLOSE_FROM, right: 0 }],
    ["responder's", { left: 0, right: CLOSE_FROM }],
  ] as const) {
    test(`by the end that asks and by the end that is asked: the ${whose} message IDs`, () => {
      const pair = new Pair(firstMessageIds);
      const [asking, asked] = firstMessageIds.left > 0 ? [pair.left, pair.right] : [pair.right, pair.left];
      ask(asking);
      assert.equal(asking.ikeSa.state.kind, "DELETING", "the Delete follows, with the IDs that are left");
      pair.deliver(asking);
      assert.equal(asked.ikeSa.state.kind, "DELETING");
      pair.settle();
      for (const { core } of [pair.left, pair.right]) assert.equal(core.registry.isEmpty, true);
    });
  }
});
