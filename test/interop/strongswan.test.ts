/** The everyday life of a tunnel with strongSwan 5.9: who begins, who ends, both kinds of traffic, both IP versions. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { CHILD, CONNECTION } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { bulk } from "./support/traffic.ts";

const { root = "", skip } = peerRoot("strongswan", "iperf3");

/** Octets that show that TCP got going; how fast it goes says more of the machine than of the tunnel. */
const BULK_ENOUGH = 1_000_000;

async function assertBulkBothWays(pair: Pair): Promise<void> {
  const { left, right } = pair.hosts;
  assert.ok((await bulk(left, right, 1)).octets > BULK_ENOUGH);
  assert.ok((await bulk(right, left, 1)).octets > BULK_ENOUGH);
  assert.deepEqual((await pair.hawser.status()).dataPlane.drops, {});
}

describe("a tunnel with strongSwan", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root);
  });
  after(() => pair.stop());

  it("comes up when Hawser initiates, and carries pings and bulk TCP both ways", async () => {
    await pair.hawser.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
    await assertBulkBothWays(pair);
  });

  it("loses its Child SA at both ends when Hawser deletes it, then its IKE SA", async () => {
    await pair.hawser.ask({ verb: "terminate", connection: CONNECTION, child: CHILD });
    await pair.agree(0);
    await pair.hawser.ask({ verb: "terminate", connection: CONNECTION });
    await pair.areDown();
  });

  it("comes up when strongSwan initiates, and carries pings and bulk TCP both ways", async () => {
    await pair.strongSwan.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
    await assertBulkBothWays(pair);
  });

  it("loses its Child SA at both ends when strongSwan deletes it, then its IKE SA", async () => {
    await pair.strongSwan.swanctl("--terminate", "--child", CHILD);
    await pair.agree(0);
    await pair.strongSwan.swanctl("--terminate", "--ike", CONNECTION);
    await pair.areDown();
  });

  it("gets a further Child SA in an IKE SA that is there, from either end", async () => {
    await pair.hawser.initiate();
    await pair.hawser.ask({ verb: "terminate", connection: CONNECTION, child: CHILD });
    await pair.agree(0);
    await pair.hawser.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
    await pair.strongSwan.swanctl("--terminate", "--child", CHILD);
    await pair.agree(0);
    await pair.strongSwan.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
  });

  it("ends at both ends with hawser down", async () => {
    assert.equal(await pair.hawser.down(), 0);
    assert.equal(await pair.strongSwan.ikeSaCount(), 0);
  });
});

for (const [outer, inner] of [
  [6, 4],
  [4, 6],
] as const) {
  describe(`a tunnel with strongSwan, IPv${inner} in IPv${outer}`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, { outer, inner });
    });
    after(() => pair.stop());

    it("carries pings and bulk TCP both ways", async () => {
      await pair.hawser.initiate();
      await pair.agree(1);
      await pair.pingBothWays();
      const { left, right } = pair.hosts;
      assert.ok((await bulk(left, right, 1)).octets > BULK_ENOUGH);
      assert.ok((await bulk(right, left, 1)).octets > BULK_ENOUGH);
    });
  });
}
