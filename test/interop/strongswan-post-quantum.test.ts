/** X25519 with ML-KEM-768 (RFC 9242, RFC 9370) and IKE fragmentation (RFC 7383) with strongSwan 6.1, Hawser in both roles. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { CHILD, CONNECTION } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan-next");

const IKE = "aes256gcm16-prfsha384-x25519-ke1_mlkem768";
const ESP = "aes256gcm16-x25519-ke1_mlkem768";

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`X25519 and ML-KEM-768 with strongSwan, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, {
        hawser: { connection: { proposals: [IKE] }, child: { esp_proposals: [ESP] } },
        strongSwan: { connection: [`proposals = ${IKE}`], child: [`esp_proposals = ${ESP}`] },
      });
      await pair[initiator].initiate();
      await pair.agree(1);
    });
    after(() => pair.stop());

    it("exchanges keys in IKE_INTERMEDIATE, whose request is fragmented, before IKE_AUTH", async () => {
      const { log } = pair.strongSwan;
      assert.match(log, /IKE_INTERMEDIATE request 1 \[ EF\(1\/2\) \]/);
      assert.match(log, /IKE_INTERMEDIATE request 1 \[ KE \]/);
      assert.match(log, /IKE_AUTH request 2 \[/);
      assert.match((await pair.hawser.ikeSa()).algorithms ?? "", /CURVE25519, ADDKE1 ML_KEM_768/);
      await pair.pingBothWays();
    });

    const rekeyChildHere = async (): Promise<unknown> =>
      pair.hawser.ask({ verb: "rekey-child", childSa: (await pair.hawser.childSa()).id });
    const rekeyChildThere = (): Promise<unknown> => pair.strongSwan.swanctl("--rekey", "--child", CHILD);
    const rekeyIkeHere = async (): Promise<unknown> => pair.hawser.ask({ verb: "rekey-ike", ikeSa: (await pair.hawser.ikeSa()).id });
    const rekeyIkeThere = (): Promise<unknown> => pair.strongSwan.swanctl("--rekey", "--ike", CONNECTION);

    for (const [which, rekey] of [
      ["Hawser begins", rekeyChildHere],
      ["strongSwan begins", rekeyChildThere],
      ["both are told to at the same time", () => Promise.all([rekeyChildHere(), rekeyChildThere()])],
    ] as const) {
      it(`rekeys the Child SA with IKE_FOLLOWUP_KE: ${which}`, async () => {
        const { spiIn } = await pair.hawser.childSa();
        await rekey();
        await pair.hawser.until("the Child SA is replaced", ({ endpoint: { childSas } }) => {
          return childSas.length === 1 && childSas[0]?.spiIn !== spiIn && childSas[0]?.state === "INSTALLED";
        });
        await pair.agree(1);
        await pair.pingBothWays();
        assert.match(pair.strongSwan.log, /IKE_FOLLOWUP_KE request \d+ \[ KE N\(ADD_KE\) \]/);
      });
    }

    for (const [which, rekey] of [
      ["Hawser begins", rekeyIkeHere],
      ["strongSwan begins", rekeyIkeThere],
      ["both are told to at the same time", () => Promise.all([rekeyIkeHere(), rekeyIkeThere()])],
    ] as const) {
      it(`rekeys the IKE SA with IKE_FOLLOWUP_KE, and the new one makes Child SAs: ${which}`, async () => {
        const { initiatorSpi } = await pair.hawser.ikeSa();
        await rekey();
        await pair.hawser.until("the IKE SA is replaced", ({ endpoint: { ikeSas } }) => {
          return ikeSas.length === 1 && ikeSas[0]?.initiatorSpi !== initiatorSpi && ikeSas[0]?.state === "ESTABLISHED";
        });
        await pair.agree(1);
        assert.match((await pair.hawser.ikeSa()).algorithms ?? "", /ADDKE1 ML_KEM_768/);
        const { spiIn } = await pair.hawser.childSa();
        await rekeyChildHere();
        await pair.hawser.until("the Child SA is replaced", ({ endpoint: { childSas } }) => {
          return childSas.length === 1 && childSas[0]?.spiIn !== spiIn;
        });
        await pair.agree(1);
        await pair.pingBothWays();
      });
    }
  });
}
