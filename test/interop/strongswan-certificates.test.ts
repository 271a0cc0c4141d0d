/** Authentication by signature with strongSwan 5.9: certificates of every kind of key, raw public keys, and a pre-shared key at one end. */
import { strict as assert } from "node:assert";
import { after, before, describe, it } from "node:test";
import { byCertificate, OURS, THEIRS } from "./support/by-certificate.ts";
import { CONNECTION } from "./support/hawser.ts";
import { contentOf, OpensslAuthority, OPENSSL_KEY_KINDS } from "./support/openssl-authority.ts";
import { Pair } from "./support/pair.ts";
import type { PairSettings } from "./support/pair.ts";
import { peerRoot } from "./support/peer-root.ts";
import { bulk } from "./support/traffic.ts";
import { until } from "./support/until.ts";

const { root = "", skip } = peerRoot("strongswan", "iperf3", "openssl");

/** Octets that show that TCP got going. */
const BULK_ENOUGH = 1_000_000;

async function carries(pair: Pair, expected: RegExp): Promise<void> {
  await pair.agree(1);
  const { localAuth, remoteAuth } = await pair.hawser.ikeSa();
  assert.match(`${localAuth ?? ""} === ${remoteAuth ?? ""}`, expected);
  await pair.pingBothWays();
  const { left, right } = pair.hosts;
  assert.ok((await bulk(left, right, 1)).octets > BULK_ENOUGH);
  assert.ok((await bulk(right, left, 1)).octets > BULK_ENOUGH);
  assert.deepEqual((await pair.hawser.status()).dataPlane.drops, {});
}

/** Up and down, begun by either end. */
function bothBegin(
  what: string,
  settings: (authority: OpensslAuthority) => PairSettings,
  kind: "rsa" | "ecdsa" | "ed25519",
  how: RegExp,
): void {
  describe(what, { skip }, () => {
    let authority: OpensslAuthority | undefined;
    let pair: Pair | undefined;
    before(async () => {
      authority = new OpensslAuthority(kind);
      pair = await Pair.start(root, settings(authority));
    });
    after(() => {
      pair?.stop();
      authority?.remove();
    });

    it("comes up when Hawser initiates, and carries pings and bulk TCP both ways", async () => {
      assert.ok(pair !== undefined);
      await pair.hawser.initiate();
      await carries(pair, how);
      await pair.hawser.ask({ verb: "terminate", connection: CONNECTION });
      await pair.areDown();
    });

    it("comes up when strongSwan initiates, and carries pings and bulk TCP both ways", async () => {
      assert.ok(pair !== undefined);
      await pair.strongSwan.initiate();
      await carries(pair, how);
    });
  });
}

const SCHEMES = { rsa: "RSASSA-(PSS|PKCS1-v1_5) with SHA2-\\d+", ecdsa: "ECDSA with SHA2-\\d+", ed25519: "Ed25519" } as const;

for (const kind of OPENSSL_KEY_KINDS) {
  bothBegin(
    `a tunnel with strongSwan by certificates with ${kind}`,
    (authority) => byCertificate(authority, authority.issue(OURS, kind), authority.issue(THEIRS, kind)),
    kind,
    new RegExp(`^${SCHEMES[kind]}, certificate "C=CH, O=Hawser, CN=left.* === ${SCHEMES[kind]}, certificate "C=CH, O=Hawser, CN=right`),
  );
}

bothBegin(
  "a tunnel with strongSwan by raw public keys",
  (authority) => {
    const [ours, theirs] = [authority.issue(OURS, "ecdsa"), authority.issue(THEIRS, "rsa")];
    return {
      hawser: {
        connection: {
          local: { auth: "pubkey", id: OURS, pubkeys: [ours.publicKey], private_key: ours.privateKey },
          remote: { auth: "pubkey", id: THEIRS, pubkeys: [theirs.publicKey] },
        },
      },
      strongSwan: {
        local: ["auth = pubkey", `id = ${THEIRS}`, "pubkeys = own.pem"],
        remote: ["auth = pubkey", `id = ${OURS}`, "pubkeys = peer.pem"],
        files: {
          "pubkey/own.pem": contentOf(theirs.publicKey),
          "pubkey/peer.pem": contentOf(ours.publicKey),
          "private/own.pem": contentOf(theirs.privateKey),
        },
      },
    };
  },
  "ecdsa",
  /^ECDSA with SHA2-256, raw public key === RSASSA-.*, raw public key$/,
);

bothBegin(
  "a tunnel with strongSwan, Hawser by certificate and strongSwan by pre-shared key",
  (authority) => {
    const ours = authority.issue(OURS, "ecdsa");
    const { hawser, strongSwan } = byCertificate(authority, ours, ours);
    return {
      hawser: { connection: { ...hawser?.connection, remote: { auth: "psk", id: THEIRS } } },
      strongSwan: { ...strongSwan, local: ["auth = psk", `id = ${THEIRS}`] },
    };
  },
  "ecdsa",
  /^ECDSA with SHA2-256, certificate ".*" === pre-shared key$/,
);

describe("a strongSwan whose certificate another authority has issued", { skip }, () => {
  let authorities: OpensslAuthority[] = [];
  let pair: Pair | undefined;
  before(async () => {
    const [ours, stranger] = (authorities = [new OpensslAuthority("ecdsa"), new OpensslAuthority("ecdsa")]);
    assert.ok(ours !== undefined && stranger !== undefined);
    pair = await Pair.start(root, byCertificate(ours, ours.issue(OURS, "ecdsa"), stranger.issue(THEIRS, "ecdsa")));
  });
  after(() => {
    pair?.stop();
    for (const authority of authorities) authority.remove();
  });

  it("is refused, and Hawser's log says why", async () => {
    assert.ok(pair !== undefined);
    const { hawser, strongSwan } = pair;
    await assert.rejects(strongSwan.initiate());
    const log = await until("Hawser says why", () => /authentication with .* failed: .*/.exec(hawser.log)?.[0] ?? undefined);
    // Both authorities have the same name: it is the signature that tells them apart.
    assert.match(log, /The certificate "C=CH, O=Hawser, CN=right\.interop\.example" (is not signed by|was issued by)/);
    assert.match(strongSwan.log, /AUTH_FAILED/);
  });
});
