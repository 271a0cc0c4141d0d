/** Childless IKE SAs (RFC 6023) with strongSwan, Hawser in both roles: the first Child SA has an exchange of its own. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan");

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`childless IKE SAs of strongSwan and Hawser, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, {
        hawser: { connection: { childless: "force" } },
        strongSwan: { connection: ["childless = force"] },
      });
      await pair[initiator].initiate();
      await pair.agree(1);
    });
    after(() => pair.stop());

    it("carry traffic on the Child SA that CREATE_CHILD_SA has made", async () => {
      const message = initiator === "strongSwan" ? /generating CREATE_CHILD_SA request/ : /parsed CREATE_CHILD_SA request/;
      assert.match(pair.strongSwan.log, message);
      await pair.pingBothWays();
    });
  });
}
