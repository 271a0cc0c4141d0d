/** RFC 9611 with the other implementation that there is: strongSwan 6.1 with `per_cpu_sas = yes`, Hawser in both roles. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import type { ChildSaStatus, DaemonStatus } from "../../src/daemon/status.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";

const { root = "", skip } = peerRoot("strongswan-next");

/** More than the machines that run this may have CPUs: workers then share them. */
const WORKERS = 4;
/** From one CPU: so many that each worker on it gets one of them (all but 2 in 10^6 times). */
const FLOWS = 20;

for (const initiator of ["hawser", "strongSwan"] as const) {
  describe(`a Child SA for each CPU with strongSwan, ${initiator} initiates`, { skip }, () => {
    let pair: Pair;
    before(async () => {
      pair = await Pair.start(root, {
        hawser: { child: { per_cpu_sas: true }, daemon: { cpus: WORKERS } },
        strongSwan: { child: ["per_cpu_sas = yes"] },
      });
      await pair[initiator].initiate();
    });
    after(() => pair.stop());

    /** Pings from every CPU that has workers; returns how many got no answer. */
    const pingFromEachCpu = async (): Promise<number> => {
      let lost = 0;
      for (const cpu of new Set((await pair.hawser.status()).cpus)) lost += await pair.lossFromCpu(cpu, { rounds: 10, flows: FLOWS });
      return lost;
    };
    /** Child SAs in the order of their CPUs. */
    const members = async (): Promise<readonly ChildSaStatus[]> => [...(await pair.hawser.childSas())].sort((a, b) => a.cpu - b.cpu);
    const dropsOf = ({ dataPlane }: DaemonStatus): DaemonStatus["dataPlane"]["drops"] => dataPlane.drops;

    it("agrees on it with SA_RESOURCE_INFO in both directions", async () => {
      await pair.agree(1);
      const { log } = pair.strongSwan;
      assert.match(log, /parsed IKE_AUTH re\w+ 1 \[.* N\(RES_INFO\)/);
      assert.match(log, /generating IKE_AUTH re\w+ 1 \[.* N\(RES_INFO\)/);
      const [group] = (await pair.hawser.status()).endpoint.groups;
      assert.equal(group?.mode, "per-cpu");
    });

    it("gets a Child SA of the same selectors for each worker that has something to send", async () => {
      const lost = await pingFromEachCpu();
      await pair.agree(WORKERS);
      const status = await pair.hawser.until("each CPU sends on an SA of its own", ({ endpoint }) => {
        return endpoint.groups[0]?.cpus.every(({ entry }) => entry === "own") ?? false;
      });
      assert.deepEqual(
        (await members()).map(({ cpu, localTs, remoteTs }) => ({ cpu, localTs, remoteTs })),
        Array.from({ length: WORKERS }, (_, cpu) => ({ cpu, localTs: ["10.1.0.0/16"], remoteTs: ["10.2.0.0/16"] })),
      );
      // charon sends on a new SA before it sends the answer that tells us of it (RFC 7296 §2.8 allows that); such packets find no SA yet.
      assert.deepEqual(dropsOf(status), lost === 0 ? {} : { InNoStates: lost });
    });

    it("sends on every one of them, and strongSwan opens it all", async () => {
      const ofPeer = async () => new Map((await pair.strongSwan.childSas()).map((sa) => [sa.spiIn, sa.packetsIn]));
      const before = { ours: await members(), theirs: await ofPeer() };
      assert.equal(await pingFromEachCpu(), 0);
      const after = { ours: await members(), theirs: await ofPeer() };
      for (const [i, { cpu, spiOut, packetsOut }] of after.ours.entries()) {
        const sent = packetsOut - (before.ours[i]?.packetsOut ?? 0);
        assert.ok(sent > 0, `CPU ${cpu}`);
        assert.equal((after.theirs.get(spiOut) ?? 0) - (before.theirs.get(spiOut) ?? 0), sent, `CPU ${cpu}`);
      }
    });

    it("keeps the CPU of each when it is rekeyed, by either end, without a lost packet", async () => {
      const before = await members();
      const drops = dropsOf(await pair.hawser.status());
      const rekeyAll = async (): Promise<void> => {
        for (const [i, { id, spiOut, spiIn }] of before.entries()) {
          if (i % 2 === 0) await pair.hawser.ask({ verb: "rekey-child", childSa: id });
          else await pair.strongSwan.rekeyChild(spiOut);
          await pair.hawser.until("it is replaced", ({ endpoint }) => !endpoint.childSas.some((sa) => sa.spiIn === spiIn));
        }
      };
      await Promise.all([pair.pingBothWays({ rounds: 150, flows: FLOWS }), rekeyAll()]);
      await pair.agree(WORKERS);
      const after = await members();
      assert.deepEqual(
        after.map(({ cpu }) => cpu),
        before.map(({ cpu }) => cpu),
      );
      for (const [i, { spiIn, spiOut }] of after.entries()) {
        assert.notEqual(spiIn, before[i]?.spiIn);
        assert.notEqual(spiOut, before[i]?.spiOut);
      }
      assert.equal(await pingFromEachCpu(), 0);
      assert.deepEqual(dropsOf(await pair.hawser.status()), drops);
    });

    it("keeps all of them when the IKE SA is rekeyed", async () => {
      const before = (await members()).map(({ spiIn }) => spiIn);
      const { id } = await pair.hawser.ikeSa();
      await pair.hawser.ask({ verb: "rekey-ike", ikeSa: id });
      await pair.hawser.until("the IKE SA is replaced", ({ endpoint }) => endpoint.ikeSas.length === 1 && endpoint.ikeSas[0]?.id !== id);
      await pair.agree(WORKERS);
      assert.deepEqual(
        (await members()).map(({ spiIn }) => spiIn),
        before,
      );
    });

    it("goes on without one that strongSwan deletes, and gets another when its CPU sends", async () => {
      const [gone] = await members();
      assert.ok(gone !== undefined);
      await pair.strongSwan.terminateChild(gone.spiOut);
      await pair.agree(WORKERS - 1);
      await pingFromEachCpu();
      await pair.agree(WORKERS);
      assert.deepEqual(
        (await members()).map(({ cpu }) => cpu),
        Array.from({ length: WORKERS }, (_, cpu) => cpu),
      );
      assert.equal(await pingFromEachCpu(), 0);
    });
  });
}
