/** How raw public keys are asked for and shown (RFC 7670 §3), and whose they are. What they are good for is in certificates.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LocalAuthentication } from "../../src/ike/config.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { CertificateEncoding } from "../../src/wire/iana/index.ts";
import type { CertPayload, Payload } from "../../src/wire/payload.ts";
import { KINDS } from "../crypto/signature/fresh-keys.ts";
import { root } from "../pki/support/authority.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { believes, hostCertificate, signingKey, signsAs } from "./harness/credentials.ts";
import { World } from "./harness/world.ts";

type Kind = (typeof KINDS)[number];

const { RAW_PUBLIC_KEY, X509_SIGNATURE } = CertificateEncoding;

const byKey = (id: string, kind: Kind): LocalAuthentication => ({
  auth: "pubkey",
  id: parseIdentity(id),
  credential: { key: signingKey(kind), certificates: [] },
  sendCert: "ifasked",
});

const knows = (id: string, ...kinds: Kind[]) => believes(id, { publicKeys: kinds.map((kind) => signingKey(kind).publicKey) });

const isCert = (payload: Payload): payload is CertPayload => payload.type === "CERT" || payload.type === "CERTREQ";

/** CERT and CERTREQ payloads of all messages, in their order. */
function certificatePayloads(world: World): CertPayload[] {
  world.initiate();
  const all: CertPayload[] = [];
  while (world.wire[0] !== undefined) {
    all.push(...world.reader.payloads(world.wire[0].octets).filter(isCert));
    world.deliver();
  }
  return all;
}

describe("a raw public key", () => {
  for (const kind of KINDS) {
    test(`of kind ${kind} is asked for without an authority, and shown as SubjectPublicKeyInfo`, () => {
      const world = new World({
        left: { connection: { local: byKey("left.example", kind), remote: knows("right.example", "ed25519") } },
        right: { connection: { local: byKey("right.example", "ed25519"), remote: knows("left.example", kind) } },
      });
      const request = { type: "CERTREQ", encoding: RAW_PUBLIC_KEY, data: new Uint8Array(0) };
      const shown = (which: Kind) => ({ type: "CERT", encoding: RAW_PUBLIC_KEY, data: signingKey(which).publicKey.spki() });
      assert.deepEqual(certificatePayloads(world), [request, shown(kind), request, shown("ed25519")]);
      assertAgreement(world);
    });
  }

  test("is not shown to a peer that asks for certificates alone, nor a certificate to one that asks for keys alone", () => {
    const authority = root("CN=authority");
    const anchors = [authority.certificate];
    const world = new World({
      left: { connection: { local: byKey("left.example", "ed25519"), remote: knows("right.example", "ecdsa-p256") } },
      right: {
        connection: {
          local: signsAs("right.example", hostCertificate(authority, "right.example", { kind: "ecdsa-p256" })),
          remote: believes("left.example", { anchors }),
        },
      },
    });
    assert.deepEqual(
      certificatePayloads(world).map(({ type, encoding }) => [type, encoding]),
      [
        ["CERTREQ", X509_SIGNATURE],
        ["CERTREQ", RAW_PUBLIC_KEY],
      ],
    );
    assert.deepEqual(ikeStates(world), { left: [], right: [] }, "which is not enough here");
  });

  test("of several that are configured is the one that it shows", () => {
    const world = new World({
      left: { connection: { local: byKey("left.example", "ecdsa-p384"), remote: knows("right.example", "ed25519") } },
      right: {
        connection: { local: byKey("right.example", "ed25519"), remote: knows("left.example", "ed448", "ecdsa-p384", "rsa") },
      },
    });
    certificatePayloads(world);
    assertAgreement(world);
    assert.match(world.status(world.right).ikeSas[0]?.remoteAuth ?? "", /^ECDSA with SHA2-\d+, raw public key$/);
  });

  test("vouches for the identity that it is configured for, and for no other", () => {
    const world = new World({
      left: { connection: { local: byKey("other.example", "ed448"), remote: knows("right.example", "ed25519") } },
      right: { connection: { local: byKey("right.example", "ed25519"), remote: knows("left.example", "ed448") } },
    });
    certificatePayloads(world);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /other\.example/);
  });
});
