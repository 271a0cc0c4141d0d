/** Certificate and Certificate Request payloads (RFC 7296 §3.6, §3.7). */
import { Reader, Writer } from "../octets.ts";

export interface CertPayload {
  /** In CERTREQ with X.509 encodings, `data` is a list of SHA-1 hashes of public keys of trusted authorities, 20 octets each. */
  readonly type: "CERT" | "CERTREQ";
  /** iana CertificateEncoding. */
  readonly encoding: number;
  readonly data: Uint8Array;
}

export function decodeCert(type: CertPayload["type"], body: Uint8Array): CertPayload {
  const reader = new Reader(body);
  return { type, encoding: reader.u8(), data: reader.rest() };
}

export function encodeCert(payload: CertPayload): Uint8Array {
  return new Writer().u8(payload.encoding).octets(payload.data).finish();
}
