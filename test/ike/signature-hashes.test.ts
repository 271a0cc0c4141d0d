/** A signature in AUTH uses no hash that the peer has not announced in SIGNATURE_HASH_ALGORITHMS (RFC 7427 §4). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeDigitalSignature } from "../../src/crypto/signature/digital-signature.ts";
import { schemeOfIdentifier, type KeyKind } from "../../src/crypto/signature/schemes.ts";
import { AuthenticationMethod, HashAlgorithm, NotifyType } from "../../src/wire/iana/index.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/message.ts";
import { signatureHashAlgorithms } from "../../src/wire/notify.ts";
import type { AuthPayload } from "../../src/wire/payload.ts";
import { root } from "../pki/support/authority.ts";
import { believes, hostCertificate, signsAs } from "./harness/credentials.ts";
import { World } from "./harness/world.ts";

const { SHA1, SHA2_256, SHA2_384, SHA2_512 } = HashAlgorithm;

const authority = root("CN=authority");

/** What the left end proves itself with when the right end has announced no hashes but these. Undefined: with nothing, it gives up. */
function authTo(kind: KeyKind, hashes: readonly number[]): AuthPayload | undefined {
  const anchors = [authority.certificate];
  const end = (id: string, peer: string, certificate: ReturnType<typeof hostCertificate>) => ({
    connection: { local: signsAs(id, certificate), remote: believes(peer, { anchors }) },
  });
  const world = new World({
    left: end("left.example", "right.example", hostCertificate(authority, "left.example", { kind })),
    right: end("right.example", "left.example", hostCertificate(authority, "right.example")),
  });
  world.initiate();
  world.deliver();
  const answer = world.hold("right");
  const { header, payloads } = decodeMessage(answer.octets);
  const changed = payloads.map((payload) =>
    payload.type === "NOTIFY" && payload.notifyType === NotifyType.SIGNATURE_HASH_ALGORITHMS ? signatureHashAlgorithms(hashes) : payload,
  );
  world.arrive({ ...answer, octets: encodeMessage(header, changed) });
  const [request] = world.wire;
  if (request === undefined) return undefined;
  return world.reader.payloads(request.octets).find((payload): payload is AuthPayload => payload.type === "AUTH");
}

function schemeOf({ method, data }: AuthPayload): string | undefined {
  assert.equal(method, AuthenticationMethod.DIGITAL_SIGNATURE);
  const { identifier } = decodeDigitalSignature(data) ?? assert.fail("no digital signature");
  return schemeOfIdentifier(identifier)?.name;
}

describe("AUTH to a peer that has announced", () => {
  for (const [names, hashes, kind, scheme] of [
    ["SHA2-512 alone", [SHA2_512], "ecdsa-p256", "ECDSA with SHA2-512"],
    ["SHA2-384 alone", [SHA2_384], "rsa", "RSASSA-PSS with SHA2-384"],
    ["SHA-1, which is not used, and SHA2-256", [SHA1, SHA2_256], "ecdsa-p384", "ECDSA with SHA2-256"],
  ] as const) {
    test(`${names}, by a key of kind ${kind}: ${scheme}`, () => {
      const auth = authTo(kind, hashes);
      assert.ok(auth !== undefined);
      assert.equal(schemeOf(auth), scheme);
    });
  }

  test("no hash that the key can be used with: by the method of old, or not at all", () => {
    assert.equal(authTo("ecdsa-p256", [SHA1])?.method, AuthenticationMethod.ECDSA_SHA256_P256);
    assert.equal(authTo("ed25519", [SHA2_256, SHA2_512]), undefined, "there was no EdDSA before");
  });
});
