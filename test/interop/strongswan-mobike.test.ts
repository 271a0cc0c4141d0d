/**
 * MOBIKE (RFC 4555) with strongSwan 5.9: either end gets another address while the tunnel is up. Its user-space ESP cannot move an SA: it rekeys the
 * Child SA instead, once the IKE SA has moved.
 */
import { strict as assert } from "node:assert";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DemoHost } from "../../src/demo/topology.ts";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { Pair } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { until } from "./support/until.ts";

const { root = "", skip } = peerRoot("strongswan");

const NEW_ADDRESS = "192.0.2.77";

/** The host loses its address on the cable, and has another one a moment later. */
function changeAddress({ namespace, device, outerAddress }: DemoHost): void {
  const ip = new Iproute(namespace);
  ip.run("take the address away", "address", "delete", `${outerAddress}/24`, "dev", device);
  ip.run("give another address", "address", "add", `${NEW_ADDRESS}/24`, "dev", device);
}

/** Until strongSwan has another Child SA in the place of the one that it cannot move, packets of that one are lost. */
async function pingsPassAgain(pair: Pair): Promise<void> {
  const passed = (): Promise<true | undefined> =>
    pair.pingBothWays().then(
      () => true,
      () => undefined,
    );
  await until("every ping of both ends is answered again", passed, { patience: 30_000 });
}

describe("MOBIKE with strongSwan", { skip }, () => {
  let pair: Pair;
  beforeEach(async () => {
    pair = await Pair.start(root, {
      hawser: { connection: { local_addrs: ["192.0.2.0/24"] } },
      strongSwan: { connection: ["local_addrs = 192.0.2.0/24, %any"] },
    });
  });
  afterEach(() => pair.stop());

  it("Hawser has initiated and gets another address: strongSwan follows", async () => {
    const { hawser, hosts } = pair;
    await hawser.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
    const { initiatorSpi } = await hawser.ikeSa();
    changeAddress(hosts.left);
    await hawser.until(
      "it has moved",
      ({ endpoint }) => endpoint.ikeSas[0]?.local.address === NEW_ADDRESS && endpoint.ikeSas[0].outstanding === 0,
    );
    await pingsPassAgain(pair);
    assert.equal((await hawser.ikeSa()).initiatorSpi, initiatorSpi);
    await pair.agree(1);
  });

  it("strongSwan has initiated and gets another address: Hawser follows", async () => {
    const { hawser, strongSwan, hosts } = pair;
    await strongSwan.initiate();
    await pair.agree(1);
    await pair.pingBothWays();
    const { initiatorSpi } = await hawser.ikeSa();
    changeAddress(hosts.right);
    await hawser.until("Hawser has followed", ({ endpoint }) => endpoint.ikeSas[0]?.remote.address === NEW_ADDRESS);
    await pingsPassAgain(pair);
    assert.equal((await hawser.ikeSa()).initiatorSpi, initiatorSpi);
    await pair.agree(1);
  });
});
