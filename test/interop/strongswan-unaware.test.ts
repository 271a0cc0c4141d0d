/** `per_cpu_sas: yes` with strongSwan 5.9, which knows nothing of RFC 9611: one plain Child SA that carries the packets of all CPUs. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan");

const WORKERS = 4;

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`per-CPU SAs wanted with a peer that knows nothing of them, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, { hawser: { child: { per_cpu_sas: true }, daemon: { cpus: WORKERS } } });
      await pair[initiator].initiate();
    });
    after(() => pair.stop());

    it("has one Child SA, and says why", async () => {
      await pair.agree(1);
      const [group] = (await pair.hawser.status()).endpoint.groups;
      assert.equal(group?.mode, "single");
      assert.match(group.reason ?? "", /SA_RESOURCE_INFO|RFC 9611/);
    });

    it("carries the packets of all workers, and asks for no further SA", async () => {
      const { cpus } = await pair.hawser.status();
      assert.equal(cpus.length, WORKERS);
      for (const cpu of new Set(cpus)) assert.equal(await pair.lossFromCpu(cpu, { flows: 20 }), 0);
      await pair.pingBothWays();
      const { perWorker, drops } = (await pair.hawser.status()).dataPlane;
      assert.deepEqual(drops, {});
      for (const [index, { tunReads }] of perWorker.entries()) assert.ok(tunReads > 0, `worker ${index} has had packets to send`);
      await pair.agree(1);
    });
  });
}
