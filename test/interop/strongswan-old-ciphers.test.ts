/** Ciphers that peers without an AEAD know, and AES-GCM with short ICVs, in IKE and ESP with strongSwan 5.9. */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { bulk } from "./support/traffic.ts";

const { root = "", skip } = peerRoot("strongswan", "iperf3");

/** Octets that show that TCP got going, with super-packets that are cut into segments. */
const BULK_ENOUGH = 1_000_000;

describe("ciphers for old peers with strongSwan", { skip }, () => {
  for (const { initiator, ike, esp } of [
    { initiator: "hawser", ike: "aes128-sha256-modp2048", esp: "aes128-sha256" },
    { initiator: "strongSwan", ike: "aes256-sha1-modp2048", esp: "aes256-sha1" },
    { initiator: "strongSwan", ike: "aes256gcm12-prfsha384-ecp256", esp: "aes256gcm12" },
    { initiator: "hawser", ike: "aes192-sha384-modp3072", esp: "aes192-sha512-modp2048" },
  ] as const) {
    it(`${initiator} initiates with ${ike} and ${esp}`, async (t) => {
      const pair = await Pair.start(root, {
        hawser: { connection: { proposals: [ike] }, child: { esp_proposals: [esp] } },
        strongSwan: { connection: [`proposals = ${ike}`], child: [`esp_proposals = ${esp}`] },
      });
      t.after(() => pair.stop());
      await carriesTraffic(pair, initiator);
    });
  }

  it("a peer that knows AES-CBC alone needs no configuration here", async (t) => {
    const strongSwan = { connection: ["proposals = aes128-sha256-modp2048"], child: ["esp_proposals = aes256-sha256"] };
    const pair = await Pair.start(root, { strongSwan });
    t.after(() => pair.stop());
    await carriesTraffic(pair, "hawser");
    assert.equal((await pair.hawser.childSa()).cipher, "aes256-sha256");
  });
});

async function carriesTraffic(pair: Pair, initiator: "hawser" | "strongSwan"): Promise<void> {
  await pair[initiator].initiate();
  await pair.agree(1);
  await pair.pingBothWays();
  const { left, right } = pair.hosts;
  assert.ok((await bulk(left, right, 1)).octets > BULK_ENOUGH);
  assert.ok((await bulk(right, left, 1)).octets > BULK_ENOUGH);
  assert.deepEqual((await pair.hawser.status()).dataPlane.drops, {});
}
