/** OCSP responses within IKE (RFC 4806): each end may ask the other for what its authority says of its certificate. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LocalAuthentication, RemoteAuthentication } from "../../src/ike/config.ts";
import type { OcspResponse } from "../../src/pki/ocsp-response.ts";
import type { RevocationPolicy } from "../../src/pki/revocation.ts";
import { KeyUsageBit, ocspResponse, root, type Issued } from "../pki/support/authority.ts";
import { assertAgreement, eventsOf } from "./harness/assertions.ts";
import { authenticationOnly, believes, hostCertificate, signsAs } from "./harness/credentials.ts";
import { World } from "./harness/world.ts";

const authority = root("CN=authority", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
const left = hostCertificate(authority, "left.example");
const right = hostCertificate(authority, "right.example");
const good = (host: Issued): OcspResponse => ocspResponse(authority, host.certificate);

function shows(name: string, host: Issued, ocspResponses: readonly OcspResponse[]): LocalAuthentication {
  const local = signsAs(name, host);
  return local.auth === "pubkey" ? { ...local, credential: { ...local.credential, ocspResponses } } : local;
}

function asks(name: string, revocation: RevocationPolicy, asksForOcsp = true): RemoteAuthentication {
  const remote = believes(name, { anchors: [authority.certificate], revocation });
  return remote.auth === "pubkey" ? { ...remote, asksForOcsp } : remote;
}

interface Ends {
  readonly ofLeft?: readonly OcspResponse[];
  readonly ofRight?: readonly OcspResponse[];
  readonly leftAsks?: RemoteAuthentication;
  readonly rightAsks?: RemoteAuthentication;
}

function handshake({ ofLeft = [], ofRight = [], leftAsks, rightAsks }: Ends): { readonly world: World; readonly ladder: string[] } {
  const world = new World({
    left: { connection: { local: shows("left.example", left, ofLeft), remote: leftAsks ?? asks("right.example", "strict") } },
    right: { connection: { local: shows("right.example", right, ofRight), remote: rightAsks ?? asks("left.example", "strict") } },
  });
  world.initiate();
  return { world, ladder: authenticationOnly(world.settle()) };
}

describe("OCSP responses in IKE", () => {
  it("are asked for in CERTREQ beside the certificates, and come in CERT after them", () => {
    const { world, ladder } = handshake({ ofLeft: [good(left)], ofRight: [good(right)] });
    assert.deepEqual(ladder, [
      "IKE_SA_INIT 0 N(SIGNATURE_HASH_ALGORITHMS) -->",
      "<-- IKE_SA_INIT 0 R N(SIGNATURE_HASH_ALGORITHMS) CERTREQ CERTREQ",
      "IKE_AUTH 1 IDi CERT CERT CERTREQ CERTREQ IDr AUTH -->",
      "<-- IKE_AUTH 1 R IDr CERT CERT AUTH",
    ]);
    assertAgreement(world);
  });

  it("are not sent to a peer that does not ask, nor asked for where that is not configured", () => {
    const plain = { leftAsks: asks("right.example", "relaxed", false), rightAsks: asks("left.example", "relaxed", false) };
    const { world, ladder } = handshake({ ...plain, ofLeft: [good(left)], ofRight: [good(right)] });
    assert.deepEqual(ladder.slice(2), ["IKE_AUTH 1 IDi CERT CERTREQ IDr AUTH -->", "<-- IKE_AUTH 1 R IDr CERT AUTH"]);
    assertAgreement(world);
  });

  it("that are missing, damaged or past their time are refused where revocation is strict, and passed over where it is relaxed", () => {
    const damaged = Object.create(good(left), { der: { value: Uint8Array.of(0x30, 0) } }) as OcspResponse;
    const stale = ocspResponse(authority, left.certificate, { nextUpdate: "2026-11-24T06:00:00Z" });
    for (const ofLeft of [[], [damaged], [stale], [good(right)]]) {
      const { world } = handshake({ ofLeft, ofRight: [good(right)] });
      assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /Whether .*left\.example" is revoked is not known/);
      assertAgreement(handshake({ ofLeft, ofRight: [good(right)], rightAsks: asks("left.example", "relaxed") }).world);
    }
  });

  it("that say that the certificate is revoked are refused by either policy, at either end", () => {
    const revoked = (host: Issued): OcspResponse => ocspResponse(authority, host.certificate, { status: "revoked" });
    for (const revocation of ["relaxed", "strict"] as const) {
      const asked = { leftAsks: asks("right.example", revocation), rightAsks: asks("left.example", revocation) };
      const ofInitiator = handshake({ ...asked, ofLeft: [revoked(left)], ofRight: [good(right)] });
      assert.equal(ofInitiator.ladder.at(-1), "<-- IKE_AUTH 1 R N(AUTHENTICATION_FAILED)");
      assert.match(eventsOf(ofInitiator.world.right, "authFailed")[0]?.text ?? "", /left\.example" was revoked on 2026-06-01/);
      const ofResponder = handshake({ ...asked, ofLeft: [good(left)], ofRight: [revoked(right)] });
      assert.match(eventsOf(ofResponder.world.left, "authFailed")[0]?.text ?? "", /right\.example" was revoked on 2026-06-01/);
    }
  });

  it("are looked at up to eight of a peer", () => {
    const others = (count: number): OcspResponse[] => Array.from({ length: count }, () => good(right));
    assertAgreement(handshake({ ofLeft: [...others(7), good(left)], ofRight: [good(right)] }).world);
    const { world } = handshake({ ofLeft: [...others(8), good(left)], ofRight: [good(right)] });
    assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /is not known/);
  });
});
