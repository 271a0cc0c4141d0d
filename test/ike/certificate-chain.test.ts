/** A handshake whose certificates are many times what the path carries in one datagram: it works by fragments (RFC 7383), and by nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { issue, root, type Issued } from "../pki/support/authority.ts";
import { assertAgreement } from "./harness/assertions.ts";
import type { Overrides, Side } from "./harness/configs.ts";
import { believes, hostCertificate, signsAs } from "./harness/credentials.ts";
import { PATIENT } from "./harness/scenario.ts";
import { forEachSeed } from "./harness/seeds.ts";
import { Simulation, type NetworkOptions } from "./harness/simulation.ts";

/** What every link must carry of IPv6 (RFC 8200 §5), and what is fragmented to by default. */
const PATH_MTU = 1280;

const anchor = root("CN=anchor", { kind: "rsa" });

/** Five certificates that are sent: of the host itself and of four authorities below the anchor, each with an RSA key. */
function chainFor(name: string): readonly Issued[] {
  const authorities: Issued[] = [];
  for (const level of ["one", "two", "three", "four"]) {
    authorities.unshift(issue(authorities[0] ?? anchor, { subject: `O=Hawser, CN=level ${level}`, authority: true, kind: "rsa" }));
  }
  return [hostCertificate(authorities[0] ?? anchor, name, { kind: "rsa" }), ...authorities];
}

const CHAINS: Readonly<Record<Side, readonly Issued[]>> = { left: chainFor("left.example"), right: chainFor("right.example") };

function end(side: Side, fragmentation: "yes" | "no"): Overrides {
  const [own, ...authorities] = CHAINS[side];
  assert.ok(own !== undefined);
  const local = signsAs(
    `${side}.example`,
    own,
    authorities.map(({ certificate }) => certificate),
  );
  const remote = believes(side === "left" ? "right.example" : "left.example", { anchors: [anchor.certificate] });
  return { endpoint: { ...PATIENT, halfOpenTimeout: 120_000 }, connection: { local, remote, fragmentation } };
}

function handshake(seed: number, network: NetworkOptions, fragmentation: "yes" | "no", trace?: (line: string) => void): Simulation {
  const [left, right] = [end("left", fragmentation), end("right", fragmentation)];
  const simulation = new Simulation({ left, right, seed, network, deeds: {}, count: 0, pace: 0, ...(trace !== undefined && { trace }) });
  simulation.run(100_000);
  return simulation;
}

describe("handshake with a 5-certificate chain over a 1280-byte path", () => {
  for (const loss of [0, 0.1, 0.3]) {
    it(`comes up from either end when ${100 * loss} % of the datagrams are lost`, () => {
      forEachSeed(20, (seed, trace) => {
        const { world, tooLarge } = handshake(seed, { loss, duplicate: loss / 2, delay: [5, 50], mtu: PATH_MTU }, "yes", trace);
        assertAgreement(world);
        assert.equal(tooLarge, 0, "nothing is sent that the path does not carry");
        for (const host of world.hosts) assert.ok(world.status(host).counters.fragmentsIn >= 4, "the chain of each end goes in fragments");
      });
    });
  }

  it("does not come up without fragments: the path is as narrow as it says", () => {
    const { world, tooLarge } = handshake(1, { loss: 0, duplicate: 0, delay: [5, 50], mtu: PATH_MTU }, "no");
    for (const host of world.hosts) assert.deepEqual(world.status(host).childSas, []);
    assert.ok(tooLarge > 0);
  });
});
