/** Rekeying with strongSwan 5.9, from both ends and at once, with and without PFS, while pings run: not one may be lost. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { CHILD, CONNECTION } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { ROUND_INTERVAL } from "./support/traffic.ts";
import { sleep } from "./support/until.ts";

const { root = "", skip } = peerRoot("strongswan");

/** 10 flows, 50 rounds a second: 500 pings a second from each end. */
const TRAFFIC = { rounds: 75, flows: 10 };

for (const { title, espProposal, rekeysIke } of [
  { title: "without PFS", espProposal: "aes128gcm16", rekeysIke: true },
  // The key exchange of an IKE SA's rekey is not the child's to choose.
  { title: "with PFS", espProposal: "aes256gcm16-x25519", rekeysIke: false },
]) {
  describe(`rekeying with strongSwan ${title}`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, {
        hawser: { child: { esp_proposals: [espProposal] } },
        strongSwan: { child: [`esp_proposals = ${espProposal}`] },
      });
      await pair.hawser.initiate();
      await pair.agree(1);
    });
    after(() => pair.stop());

    /** Lets `rekey` do its work in the middle of the pings of both ends. */
    const underTraffic = async (rekey: () => Promise<unknown>): Promise<void> => {
      const pings = pair.pingBothWays(TRAFFIC);
      const rekeyed = sleep((TRAFFIC.rounds * ROUND_INTERVAL) / 4).then(rekey);
      await Promise.all([pings, rekeyed]);
    };

    const rekeyChildHere = async () => pair.hawser.ask({ verb: "rekey-child", childSa: (await pair.hawser.childSa()).id });
    const rekeyChildThere = () => pair.strongSwan.swanctl("--rekey", "--child", CHILD);
    const rekeyIkeHere = async () => pair.hawser.ask({ verb: "rekey-ike", ikeSa: (await pair.hawser.ikeSa()).id });
    const rekeyIkeThere = () => pair.strongSwan.swanctl("--rekey", "--ike", CONNECTION);

    for (const [which, rekey] of [
      ["Hawser begins", rekeyChildHere],
      ["strongSwan begins", rekeyChildThere],
      ["both are told to at the same time", () => Promise.all([rekeyChildHere(), rekeyChildThere()])],
    ] as const) {
      it(`replaces the Child SA without a lost packet: ${which}`, async () => {
        const before = await pair.hawser.childSa();
        await underTraffic(rekey);
        await pair.agree(1);
        const after = await pair.hawser.childSa();
        assert.notEqual(after.spiIn, before.spiIn);
        assert.notEqual(after.spiOut, before.spiOut);
        assert.equal(after.cpu, before.cpu);
      });
    }

    const ikeRekeys = [
      ["Hawser begins", rekeyIkeHere],
      ["strongSwan begins", rekeyIkeThere],
      ["both are told to at the same time", () => Promise.all([rekeyIkeHere(), rekeyIkeThere()])],
    ] as const;
    for (const [which, rekey] of rekeysIke ? ikeRekeys : []) {
      it(`replaces the IKE SA and keeps its Child SA: ${which}`, async () => {
        const before = { ikeSa: await pair.hawser.ikeSa(), childSa: await pair.hawser.childSa() };
        await underTraffic(rekey);
        await pair.agree(1);
        const after = { ikeSa: await pair.hawser.ikeSa(), childSa: await pair.hawser.childSa() };
        assert.notEqual(after.ikeSa.initiatorSpi, before.ikeSa.initiatorSpi);
        assert.notEqual(after.ikeSa.responderSpi, before.ikeSa.responderSpi);
        assert.equal(after.childSa.spiIn, before.childSa.spiIn);
      });
    }

    it("has dropped nothing by then", async () => {
      assert.deepEqual((await pair.hawser.status()).dataPlane.drops, {});
    });
  });
}
