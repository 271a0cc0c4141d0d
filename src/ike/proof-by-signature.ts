/** Proof of an identity by signature (RFC 7296 §2.15, RFC 7427), and why the key behind it is believed: by certificate or by configuration. */
import { signAuth, verifyAuth, type VerificationKey } from "../crypto/signature.ts";
import type { Certificate } from "../pki/certificate.ts";
import { CertificateRefused } from "../pki/errors.ts";
import { certifies, identitiesIn } from "../pki/identity.ts";
import { buildPath, requireEndEntity } from "../pki/path.ts";
import { validUntil } from "../pki/validity.ts";
import { AuthenticationMethod } from "../wire/iana/index.ts";
import { equalOctets } from "../wire/octets.ts";
import type { AuthPayload, Payload } from "../wire/payload.ts";
import { shownCredentials, type ShownCredentials } from "./certificate-payloads.ts";
import type { Credential, PeerTrust } from "./config.ts";
import { AuthenticationFailed } from "./errors.ts";
import { formatIdentity, type Identity } from "./identity.ts";

/** Who calls itself `id` signs `octets`; `how` is for the operator. */
export interface SignatureProof {
  readonly auth: AuthPayload;
  readonly how: string;
}

/** What a peer has proved. */
export interface PeerProof {
  /** How it proved itself, for the operator. */
  readonly how: string;
  /** When the first certificate of the path that vouches for it expires, in milliseconds since 1970; Infinity: none does. */
  readonly validUntil: number;
}

/** Throws AuthenticationFailed when the peer knows no signature that the key can make. */
export function proveBySignature(
  { key, rsaPadding, certificates }: Credential,
  octets: Uint8Array,
  peerHashes: readonly number[] | undefined,
): SignatureProof {
  const signed = signAuth({ key, octets, peerHashes, ...(rsaPadding !== undefined && { rsaPadding }) });
  if (signed === undefined) {
    throw new AuthenticationFailed(`The peer knows no signature that our key of kind ${key.kind} can make.`);
  }
  const { method, data, scheme } = signed;
  return { auth: { type: "AUTH", method, data }, how: describe(scheme, certificates[0]) };
}

/**
 * Checks the proof of a peer that calls itself `id`: the key must be believed to be its own, then the signature must be right.
 *
 * @param payloads of its IKE_AUTH message, for the certificates
 * @param date milliseconds since 1970
 * @throws AuthenticationFailed, in words for the operator of this host
 */
export function requireProofBySignature(
  id: Identity,
  proof: AuthPayload,
  payloads: readonly Payload[],
  trust: PeerTrust,
  octets: Uint8Array,
  date: number,
): PeerProof {
  if (proof.method === AuthenticationMethod.SHARED_KEY_MIC) {
    const method = AuthenticationMethod.nameOf(proof.method);
    throw new AuthenticationFailed(`${formatIdentity(id)} authenticates by ${method}, but a signature is configured for it.`);
  }
  const candidates = believedKeys(id, payloads, trust, date);
  let reason = "";
  for (const { key, certificate, validUntil } of candidates) {
    const verdict = verifyAuth({ key, method: proof.method, data: proof.data, octets });
    if (verdict.valid) return { how: describe(verdict.scheme, certificate), validUntil };
    reason = verdict.reason;
  }
  throw new AuthenticationFailed(`${formatIdentity(id)} has not proved to have its private key: ${reason}.`);
}

interface BelievedKey {
  readonly key: VerificationKey;
  /** Undefined: a raw public key. */
  readonly certificate: Certificate | undefined;
  /** As in {@link PeerProof}. */
  readonly validUntil: number;
}

/** The keys that `id` may sign with; at least one. */
function believedKeys(id: Identity, payloads: readonly Payload[], trust: PeerTrust, date: number): BelievedKey[] {
  const shown = shownCredentials(payloads);
  if (shown.endEntity !== undefined && trust.anchors.length + trust.certificates.length > 0) {
    return [believeCertificate(id, shown.endEntity, shown, trust, date)];
  }
  const { publicKey } = shown;
  const rawKeys = trust.publicKeys.filter((key) => publicKey === undefined || equalOctets(key.spki(), publicKey));
  if (publicKey !== undefined && rawKeys.length === 0) {
    throw new AuthenticationFailed(`${formatIdentity(id)} shows a raw public key that is not configured for it.`);
  }
  const ownCertificates = trust.certificates.filter((certificate) => certifies(certificate, id));
  const believed = [
    ...ownCertificates.map((certificate) => believeCertificate(id, certificate, { intermediates: [], ocspResponses: [] }, trust, date)),
    ...rawKeys.map((key) => ({ key, certificate: undefined, validUntil: Infinity })),
  ];
  if (believed.length === 0) throw new AuthenticationFailed(`${formatIdentity(id)} shows no certificate, and none of it is configured.`);
  return believed;
}

function believeCertificate(
  id: Identity,
  certificate: Certificate,
  { intermediates, ocspResponses }: Pick<ShownCredentials, "intermediates" | "ocspResponses">,
  trust: PeerTrust,
  date: number,
): BelievedKey {
  try {
    if (trust.certificates.length > 0 && !trust.certificates.some((known) => known.equals(certificate))) {
      throw new CertificateRefused("untrusted issuer", `${certificate.title} is not one of those that are configured for the peer.`);
    }
    const path = trust.anchors.length > 0 ? buildPath(certificate, intermediates, trust, date, ocspResponses) : [certificate];
    if (trust.anchors.length === 0) requireEndEntity(certificate, date);
    if (!certifies(certificate, id)) {
      const others = identitiesIn(certificate);
      throw new CertificateRefused("identity", `The peer calls itself ${formatIdentity(id)}, but ${certificate.name} is of ${others}.`);
    }
    return { key: certificate.key, certificate, validUntil: validUntil(path) };
  } catch (error) {
    if (!(error instanceof CertificateRefused)) throw error;
    throw new AuthenticationFailed(error.message);
  }
}

/** 'ECDSA with SHA2-256, certificate "CN=west"' */
function describe(scheme: string, certificate: Certificate | undefined): string {
  return certificate === undefined ? `${scheme}, raw public key` : `${scheme}, ${certificate.name.replace(/^the /, "")}`;
}
