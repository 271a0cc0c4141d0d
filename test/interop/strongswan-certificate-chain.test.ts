/** Long chains of certificates over a narrow link, with strongSwan 5.9: IKE_AUTH goes in many fragments (RFC 7383) both ways. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { byCertificate, OURS, THEIRS } from "./support/by-certificate.ts";
import { OpensslAuthority } from "./support/openssl-authority.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan", "openssl");

/** What every link must carry of IPv6 (RFC 8200 §5). */
const LINK_MTU = 1280;

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`handshake with a 5-certificate chain over a 1280-byte path with strongSwan, ${initiator} initiates`, { skip }, () => {
    let authority: OpensslAuthority | undefined;
    let pair: Pair | undefined;
    before(async () => {
      authority = new OpensslAuthority("rsa");
      // With that of the host itself, each end sends five.
      const intermediates: string[] = [];
      for (const level of ["one", "two", "three", "four"]) intermediates.push(authority.descend(`level-${level}`, "rsa"));
      const [ours, theirs] = [authority.issue(OURS, "rsa"), authority.issue(THEIRS, "rsa")];
      pair = await Pair.start(root, byCertificate(authority, ours, theirs, intermediates));
      const { left, right } = pair.hosts;
      for (const { namespace, device } of [left, right]) {
        new Iproute(namespace).run("narrow the link", "link", "set", "dev", device, "mtu", String(LINK_MTU));
      }
    });
    after(() => {
      pair?.stop();
      authority?.remove();
    });

    it("comes up, with the whole chain in fragments both ways", async () => {
      assert.ok(pair !== undefined);
      await pair[initiator].initiate();
      await pair.agree(1);
      const { log } = pair.strongSwan;
      assert.match(log, /parsed IKE_AUTH re(quest|sponse) 1 \[ EF\(5\/\d\) \]/);
      assert.match(log, /generating IKE_AUTH re(quest|sponse) 1 \[ EF\(5\/\d\) \]/);
      for (const level of ["one", "two", "three", "four"]) assert.match(log, new RegExp(`received issuer cert ".*level-${level}"`));
      await pair.pingBothWays();
    });
  });
}
