/** Post-quantum preshared keys (RFC 8784) with strongSwan, Hawser in both roles. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { CONNECTION } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan");

const SECRET = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ID = "qkd-1";

/** `named`: strongSwan's connection names its PPK; otherwise it has whichever the peer asks for among its secrets. */
const startPair = (ours: string, theirs: string, required: "yes" | "no", named = true): Promise<Pair> =>
  Pair.start(root, {
    hawser: { connection: { ppk_id: ours, ppk_required: required }, secrets: { "ppk-peer": { secret: SECRET, id: ours } } },
    strongSwan: {
      connection: [...(named ? [`ppk_id = ${theirs}`] : []), `ppk_required = ${required}`],
      secrets: [`ppk-peer { secret = ${SECRET}`, `id = ${theirs}`, "}"],
    },
  });

for (const initiator of ["hawser", "strongSwan"] as const) {
  for (const required of ["yes", "no"] as const) {
    describe(`a PPK of strongSwan and Hawser, required: ${required}, ${initiator} initiates`, { skip }, () => {
      let pair: Pair;
      before(async () => {
        pair = await startPair(ID, ID, required);
        await pair[initiator].initiate();
        await pair.agree(1);
      });
      after(() => pair.stop());

      it("is in the keys of the tunnel", async () => {
        assert.match((await pair.hawser.ikeSa()).remoteAuth ?? "", /and the PPK "qkd-1"$/);
        assert.match(pair.strongSwan.log, /using PPK for PPK_ID 'qkd-1'/);
        await pair.pingBothWays();
      });

      it("stays in them when the IKE SA is rekeyed", async () => {
        const { initiatorSpi } = await pair.hawser.ikeSa();
        await pair.strongSwan.swanctl("--rekey", "--ike", CONNECTION);
        await pair.hawser.until("the IKE SA is replaced", ({ endpoint: { ikeSas } }) => {
          return ikeSas.length === 1 && ikeSas[0]?.initiatorSpi !== initiatorSpi && ikeSas[0]?.state === "ESTABLISHED";
        });
        await pair.hawser.ask({ verb: "rekey-child", childSa: (await pair.hawser.childSa()).id });
        await pair.agree(1);
        await pair.pingBothWays();
      });
    });
  }

  describe(`PPKs of two names of strongSwan and Hawser, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      // As responder it takes NO_PPK_AUTH only when it names none itself.
      pair = await startPair(ID, "qkd-2", "no", initiator === "strongSwan");
      await pair[initiator].initiate();
      await pair.agree(1);
    });
    after(() => pair.stop());

    it("are not used: NO_PPK_AUTH is the proof", async () => {
      assert.match((await pair.hawser.ikeSa()).remoteAuth ?? "", /, without /);
      await pair.pingBothWays();
    });
  });
}
