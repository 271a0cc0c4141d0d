/** OCSP responses within IKE (RFC 4806) with strongSwan 6.1, which asks for Hawser's and believes nothing else. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { byCertificate, OURS, THEIRS } from "./support/by-certificate.ts";
import { OpensslAuthority } from "./support/openssl-authority.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan-next", "openssl");

describe("a strongSwan that is strict about revocation", { skip }, () => {
  let authority: OpensslAuthority | undefined;
  let pair: Pair | undefined;

  /** `gives`: whether Hawser has a response at all. */
  async function start(gives: boolean): Promise<Pair> {
    authority = new OpensslAuthority("ecdsa");
    const [ours, theirs] = [authority.issue(OURS, "ecdsa"), authority.issue(THEIRS, "ecdsa")];
    const { hawser, strongSwan } = byCertificate(authority, ours, theirs);
    const response = gives ? { ocsp_responses: [authority.ocspResponse(ours)] } : {};
    const local = { ...(hawser?.connection?.["local"] as Record<string, unknown>), ...response };
    pair = await Pair.start(root, {
      hawser: { connection: { ...hawser?.connection, local, ocsp: "both" } },
      strongSwan: {
        ...strongSwan,
        connection: ["ocsp = both"],
        remote: [...(strongSwan?.remote ?? []), "revocation = strict"],
        plugins: ["revocation"],
      },
    });
    return pair;
  }

  function stop(): void {
    pair?.stop();
    authority?.remove();
  }

  for (const initiator of ["hawser", "strongSwan"] as const) {
    describe(`${initiator} initiates`, () => {
      before(() => start(true));
      after(stop);

      it("gets Hawser's OCSP response, and the tunnel comes up", async () => {
        assert.ok(pair !== undefined);
        await pair[initiator].initiate();
        await pair.agree(1);
        assert.match(pair.strongSwan.log, /received OCSP response issued by "C=CH, O=Hawser, CN=authority"/);
        assert.match(pair.strongSwan.log, /received empty OCSP cert request/);
        await pair.pingBothWays();
      });
    });
  }

  describe("without a response", () => {
    before(() => start(false));
    after(stop);

    it("refuses", async () => {
      assert.ok(pair !== undefined);
      await assert.rejects(pair.strongSwan.initiate());
      assert.equal(await pair.strongSwan.ikeSaCount(), 0);
    });
  });
});
