/** Certificate and Certificate Request payloads (RFC 7296 §3.6, §3.7; RFC 7670, RFC 4806): what we ask for, what we show, what we are shown. */
import { sha1 } from "../crypto/hash.ts";
import { Certificate } from "../pki/certificate.ts";
import { MalformedCertificate } from "../pki/errors.ts";
import { OcspResponse } from "../pki/ocsp-response.ts";
import { CertificateEncoding } from "../wire/iana/index.ts";
import { concat, toHex } from "../wire/octets.ts";
import type { CertPayload, Payload } from "../wire/payload.ts";
import type { Credential, LocalAuthentication, RemoteAuthentication } from "./config.ts";
import { AuthenticationFailed } from "./errors.ts";

const { X509_SIGNATURE, RAW_PUBLIC_KEY, OCSP_CONTENT } = CertificateEncoding;

/** OCSP responses of a peer that are looked at: about as many as a path has certificates. */
const MAX_RESPONSES = 8;

/** Authorities that one request names: IKE_SA_INIT cannot be fragmented, and answers whoever asks. Names are hints: those left out count too. */
const MAX_NAMED_AUTHORITIES = 20;

/**
 * Asks a peer for what would prove to us that it is one of `remotes`: for certificates with the SHA-1 hashes of the public keys of the
 * authorities that we trust (§3.7), for a raw public key without any, and for OCSP responses from whichever responder its authority has.
 */
export function certificateRequests(remotes: readonly RemoteAuthentication[]): CertPayload[] {
  const asking = remotes.filter((remote) => remote.auth === "pubkey").filter(({ sendCertreq }) => sendCertreq);
  const authorities = asking.flatMap(({ trust }) => trust.anchors);
  const hashes = new Map(authorities.map(({ spki }) => [toHex(spki), sha1(spki)]));
  const requests: CertPayload[] = [];
  if (hashes.size > 0)
    requests.push({ type: "CERTREQ", encoding: X509_SIGNATURE, data: concat(...[...hashes.values()].slice(0, MAX_NAMED_AUTHORITIES)) });
  if (asking.some(({ trust }) => trust.publicKeys.length > 0)) {
    requests.push({ type: "CERTREQ", encoding: RAW_PUBLIC_KEY, data: new Uint8Array(0) });
  }
  // RFC 4806 §4.1: responders need no name when they are the authority, or have their certificate from it.
  if (hashes.size > 0 && asking.some(({ asksForOcsp }) => asksForOcsp === true)) {
    requests.push({ type: "CERTREQ", encoding: OCSP_CONTENT, data: new Uint8Array(0) });
  }
  return requests;
}

/** iana CertificateEncoding of every Certificate Request. Which authorities the peer named is a hint (§3.7), and we have no choice. */
export function encodingsAskedFor(payloads: readonly Payload[]): ReadonlySet<number> {
  return new Set(payloads.flatMap((payload) => (payload.type === "CERTREQ" ? [payload.encoding] : [])));
}

/** What `local` shows of its credential to a peer that has asked for `encodings`: the end entity's certificate first (§3.6). */
export function certificatesToShow(local: LocalAuthentication, encodings: ReadonlySet<number>): CertPayload[] {
  if (local.auth !== "pubkey" || local.sendCert === "never") return [];
  const all = credentialPayloads(local.credential);
  const shown = local.sendCert === "always" ? all : all.filter(({ encoding }) => encodings.has(encoding));
  return encodings.has(OCSP_CONTENT) && shown.length > 0 ? [...shown, ...responsePayloads(local.credential)] : shown;
}

/** After all certificates (RFC 4806 §3.2), and never unasked. */
function responsePayloads({ ocspResponses = [] }: Credential): CertPayload[] {
  return ocspResponses.map(({ der }) => ({ type: "CERT", encoding: OCSP_CONTENT, data: der }));
}

function credentialPayloads({ key, certificates }: Credential): CertPayload[] {
  if (certificates.length === 0) return [{ type: "CERT", encoding: RAW_PUBLIC_KEY, data: key.publicKey.spki() }];
  return certificates.map(({ der }) => ({ type: "CERT", encoding: X509_SIGNATURE, data: der }));
}

export interface ShownCredentials {
  /** The peer's own, if it has shown any. */
  readonly endEntity: Certificate | undefined;
  readonly intermediates: readonly Certificate[];
  readonly ocspResponses: readonly OcspResponse[];
  /** SubjectPublicKeyInfo of a raw public key. */
  readonly publicKey: Uint8Array | undefined;
}

/**
 * What the CERT payloads of a peer's message hold. Other encodings are passed over, and so is a certificate that cannot be read unless it is
 * the first: it vouches for nobody. Throws AuthenticationFailed, in words for the operator of this host.
 */
export function shownCredentials(payloads: readonly Payload[]): ShownCredentials {
  const shown = payloads.filter((payload): payload is CertPayload => payload.type === "CERT");
  const [first, ...rest] = shown.filter(({ encoding }) => encoding === X509_SIGNATURE);
  return {
    endEntity: first === undefined ? undefined : readEndEntity(first),
    intermediates: rest.flatMap(({ data }) => readable(() => Certificate.parse(data))),
    ocspResponses: shown
      .filter(({ encoding }) => encoding === OCSP_CONTENT)
      .slice(0, MAX_RESPONSES)
      .flatMap(({ data }) => readable(() => OcspResponse.parse(data))),
    publicKey: shown.find(({ encoding }) => encoding === RAW_PUBLIC_KEY)?.data,
  };
}

function readEndEntity({ data }: CertPayload): Certificate {
  try {
    return Certificate.parse(data);
  } catch (error) {
    if (!(error instanceof MalformedCertificate)) throw error;
    throw new AuthenticationFailed(`The peer's certificate cannot be read. ${error.message}`);
  }
}

/** None when it cannot be read. */
function readable<Value>(parse: () => Value): Value[] {
  try {
    return [parse()];
  } catch (error) {
    if (!(error instanceof MalformedCertificate)) throw error;
    return [];
  }
}
