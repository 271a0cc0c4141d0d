/** What a peer says in IKE_SA_INIT of the proofs that it understands and wants to see in IKE_AUTH. */
import { NotifyType } from "../wire/iana/index.ts";
import { findNotify, signatureHashAlgorithmsOf } from "../wire/notify.ts";
import type { Payload } from "../wire/payload.ts";
import { encodingsAskedFor } from "./certificate-payloads.ts";

export interface PeerAbilities {
  /** SIGNATURE_HASH_ALGORITHMS (RFC 7427 §4), iana HashAlgorithm; undefined: it knows the older signatures alone. */
  readonly signatureHashes: readonly number[] | undefined;
  /** Of its Certificate Requests: iana CertificateEncoding. */
  readonly certificatesAskedFor: ReadonlySet<number>;
  /** USE_PPK (RFC 8784): it has a post-quantum preshared key. */
  readonly usesPpk: boolean;
  /** CHILDLESS_IKEV2_SUPPORTED (RFC 6023), which only responders send. */
  readonly takesChildless: boolean;
}

/** `payloads`: of the peer's IKE_SA_INIT. Throws MalformedMessage. */
export function peerAbilitiesOf(payloads: readonly Payload[]): PeerAbilities {
  const hashes = findNotify(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS);
  return {
    signatureHashes: hashes === undefined ? undefined : signatureHashAlgorithmsOf(hashes),
    certificatesAskedFor: encodingsAskedFor(payloads),
    usesPpk: findNotify(payloads, NotifyType.USE_PPK) !== undefined,
    takesChildless: findNotify(payloads, NotifyType.CHILDLESS_IKEV2_SUPPORTED) !== undefined,
  };
}
