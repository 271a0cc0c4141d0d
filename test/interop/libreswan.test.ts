/**
 * libreswan 4.10 as a second opinion on IKEv2. Its ESP is the kernel's: where the kernel has none, an IKE SA is all that can come up with Hawser as
 * initiator, and as initiator libreswan gives the IKE SA up as well.
 */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { CHILD, CONNECTION, Hawser } from "./support/hawser.ts";
import { makeHosts } from "./support/hosts.ts";
import type { Hosts } from "./support/hosts.ts";
import { Libreswan } from "./support/libreswan.ts";
import { peerRoot } from "./support/peer-root.ts";
import { until } from "./support/until.ts";

const { root = "", skip } = peerRoot("libreswan");

describe("libreswan", { skip }, () => {
  let hosts: Hosts;
  let hawser: Hawser;
  let libreswan: Libreswan;
  before(async () => {
    hosts = makeHosts();
    // Quick to notice a dead peer, also one that dies between IKE_SA_INIT and IKE_AUTH.
    const daemon = { retransmit: { timeout: "300ms", tries: 3 }, half_open_timeout: "3s" };
    [hawser, libreswan] = await Promise.all([
      Hawser.start(hosts, hosts.left, { connection: { dpd_delay: "1s" }, daemon }),
      Libreswan.start(root, hosts, hosts.right),
    ]);
  });
  after(() => hosts.remove());

  /** Waits until both ends have `count` IKE SAs. */
  const agree = (count: number): Promise<true> =>
    until(
      `both ends have ${count} IKE SAs`,
      async () => {
        const { ike } = await libreswan.saCounts();
        return ike === count && (await hawser.ikeSas()).length === count ? true : undefined;
      },
      { explain: () => `${hawser.log}\n${libreswan.log.split("\n").slice(-30).join("\n")}` },
    );

  it("answers Hawser: the IKE SA is up, and the Child SA either at both ends or refused in words", async () => {
    const outcome = await hawser.initiate().catch((error: unknown) => error);
    await agree(1);
    const childSas = await hawser.childSas();
    assert.equal(childSas.length, (await libreswan.saCounts()).child);
    if (childSas.length === 0) {
      assert.match(String(outcome), /The peer refused with (TS_UNACCEPTABLE|NO_PROPOSAL_CHOSEN)/);
      assert.match(libreswan.log, /responder established IKE SA; authenticated peer/);
    }
  });

  it("agrees to another attempt at the Child SA in the same IKE SA", async () => {
    const { initiatorSpi } = await hawser.ikeSa();
    await hawser.ask({ verb: "initiate", connection: CONNECTION, child: CHILD, wait: 5000 }).catch(() => undefined);
    await agree(1);
    assert.equal((await hawser.ikeSa()).initiatorSpi, initiatorSpi);
    assert.equal((await hawser.childSas()).length, (await libreswan.saCounts()).child);
  });

  it("follows a rekey of the IKE SA by Hawser", async () => {
    const { id } = await hawser.ikeSa();
    await hawser.ask({ verb: "rekey-ike", ikeSa: id });
    await hawser.until("the IKE SA is replaced", ({ endpoint }) => endpoint.ikeSas.length === 1 && endpoint.ikeSas[0]?.id !== id);
    await agree(1);
  });

  it("rekeys the IKE SA itself", async () => {
    const { id } = await hawser.ikeSa();
    await libreswan.whack("--rekey-ike", "--name", CONNECTION, "--asynchronous");
    await hawser.until("the IKE SA is replaced", ({ endpoint }) => endpoint.ikeSas.length === 1 && endpoint.ikeSas[0]?.id !== id);
    await agree(1);
  });

  it("drops the IKE SA when Hawser deletes it", async () => {
    await hawser.ask({ verb: "terminate", connection: CONNECTION });
    await agree(0);
  });

  it("authenticates Hawser as responder", async () => {
    await libreswan.initiate();
    await hawser.until("Hawser has authenticated libreswan", ({ endpoint }) => endpoint.ikeSas.some(({ role }) => role === "responder"));
    await until("libreswan has authenticated Hawser", () =>
      /initiator established IKE SA; authenticated peer using authby=secret/.test(libreswan.log) ? true : undefined,
    );
  });

  it("leaves nothing with Hawser when it is killed", async () => {
    libreswan.kill();
    const { endpoint } = await hawser.until("the IKE SAs are dropped", (status) => status.endpoint.ikeSas.length === 0, 20_000);
    assert.deepEqual(endpoint.childSas, []);
  });
});
