/** IKE fragmentation (RFC 7383) with strongSwan 5.9: an IKE_AUTH that many selectors make too long for a datagram, Hawser in both roles. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan");

/** Parts of Hawser's inner network that do not touch: 80 selectors of 16 octets are more than one datagram. */
const NETWORKS = Array.from({ length: 80 }, (_, index) => `10.1.${2 * index}.0/24`);

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`an IKE_AUTH in fragments with strongSwan, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, {
        hawser: { child: { local_ts: NETWORKS } },
        strongSwan: { child: [`remote_ts = ${NETWORKS.join(", ")}`] },
      });
    });
    after(() => pair.stop());

    it("arrives in both directions", async () => {
      await pair[initiator].initiate();
      await pair.agree(1);
      const { log } = pair.strongSwan;
      assert.match(log, /parsed IKE_AUTH re(quest|sponse) 1 \[ EF\(2\/2\) \]/);
      assert.match(log, /generating IKE_AUTH re(quest|sponse) 1 \[ EF\(2\/2\) \]/);
      const { localTs } = await pair.hawser.childSa();
      assert.equal(localTs.length, NETWORKS.length);
      const { fragmentsIn, fragmentsOut } = (await pair.hawser.status()).endpoint.counters;
      assert.ok(fragmentsIn >= 2 && fragmentsOut >= 2);
      await pair.pingBothWays();
    });

    it("drops nothing", async () => {
      assert.deepEqual((await pair.hawser.status()).endpoint.counters.drops, {});
    });
  });
}
