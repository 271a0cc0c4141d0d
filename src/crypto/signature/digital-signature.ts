/** Authentication Data of method 14 (RFC 7427 §3): one octet of length, the AlgorithmIdentifier in DER, the signature. */
import { concat } from "../../wire/octets.ts";

export interface DigitalSignature {
  /** DER of an AlgorithmIdentifier. */
  readonly identifier: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeDigitalSignature({ identifier, signature }: DigitalSignature): Uint8Array {
  if (identifier.length > 0xff)
    throw new RangeError(`an AlgorithmIdentifier of ${identifier.length} octets does not fit one octet of length`);
  return concat(Uint8Array.of(identifier.length), identifier, signature);
}

/** Views of `data`; undefined when the length lies or no signature follows. */
export function decodeDigitalSignature(data: Uint8Array): DigitalSignature | undefined {
  const length = data[0];
  if (length === undefined || data.length <= 1 + length) return undefined;
  return { identifier: data.subarray(1, 1 + length), signature: data.subarray(1 + length) };
}
