/** One end dies without a word: the other notices (dead-peer detection, RFC 7296 §2.4), and a new beginning replaces what is left. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { Hawser } from "./support/hawser.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { until } from "./support/until.ts";

const { root = "", skip } = peerRoot("strongswan");

const QUICK_RETRANSMISSION = { retransmit: { timeout: "300ms", tries: 3 } };

describe("strongSwan or Hawser is killed", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root, {
      hawser: { connection: { dpd_delay: "1s" }, daemon: QUICK_RETRANSMISSION },
      strongSwan: { connection: ["dpd_delay = 1s", "unique = replace"] },
    });
    await pair.hawser.initiate();
    await pair.agree(1);
  });
  after(() => pair.stop());

  it("keeps the tunnel while both live and are silent", async () => {
    const { initiatorSpi } = await pair.hawser.ikeSa();
    // Two rounds of dead-peer detection of each end.
    await until("Hawser has heard the peer's liveness checks", async () => {
      const { counters } = (await pair.hawser.status()).endpoint;
      return counters.messagesIn >= 8 ? true : undefined;
    });
    assert.equal((await pair.hawser.ikeSa()).initiatorSpi, initiatorSpi);
    await pair.pingBothWays();
  });

  it("comes up anew after Hawser was killed and started again", async () => {
    pair.hawser.kill();
    const hawser = await Hawser.start(pair.hosts, pair.hosts.left, {
      connection: { dpd_delay: "1s" },
      daemon: QUICK_RETRANSMISSION,
    });
    await hawser.initiate();
    const revived = pair.withHawser(hawser);
    // INITIAL_CONTACT tells strongSwan that what it has is no more.
    await revived.agree(1);
    await revived.pingBothWays();
    pair = revived;
  });

  it("has Hawser drop the SAs after strongSwan was killed", async () => {
    pair.strongSwan.kill();
    const { endpoint } = await pair.hawser.until("Hawser has dropped the IKE SA", (status) => status.endpoint.ikeSas.length === 0);
    assert.deepEqual(endpoint.childSas, []);
    assert.match(endpoint.connections[0]?.lastError ?? "", /answer/);
  });
});

describe("Hawser is killed for good", { skip }, () => {
  let pair: Pair;
  before(async () => {
    pair = await Pair.start(root, { strongSwan: { connection: ["dpd_delay = 1s"] } });
    await pair.strongSwan.initiate();
    await pair.agree(1);
  });
  after(() => pair.stop());

  it("has strongSwan drop the SAs", async () => {
    pair.hawser.kill();
    await until("strongSwan has dropped the IKE SA", async () => ((await pair.strongSwan.ikeSaCount()) === 0 ? true : undefined), {
      patience: 30_000,
      explain: () => pair.strongSwan.log,
    });
  });
});
