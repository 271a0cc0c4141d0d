/** What a family of key exchange methods provides. */
import type { Entropy } from "../entropy.ts";

/** The peer's public value is not one: the peer's fault, to be answered as such and never with a key derived from it (RFC 6989). */
export class InvalidKeyExchange extends Error {
  override readonly name = "InvalidKeyExchange";
}

/** The initiator's half, holding a private value until it is destroyed. */
export interface KeyExchange {
  /** IANA transform ID, type 4. */
  readonly method: number;
  /** The data of the KE payload. */
  readonly publicValue: Uint8Array;
  /**
   * g^ir from the data of the responder's KE payload, in the encoding that key derivation takes. The caller wipes it.
   * Throws InvalidKeyExchange for a value of the wrong length, off the curve, or of small order.
   */
  sharedSecret(peerPublic: Uint8Array): Uint8Array;
  /** Wipes the private value as far as it can be reached. sharedSecret throws afterwards. */
  destroy(): void;
}

/** The responder's half, done in one step. */
export interface KeyExchangeAnswer {
  readonly publicValue: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

export interface KeyExchangeMethodImplementation {
  readonly method: number;
  /** Octets of KE data. They differ for a KEM alone: an encapsulation key one way, a ciphertext the other. */
  readonly publicValueLength: { readonly initiator: number; readonly responder: number };
  start(entropy: Entropy): KeyExchange;
  respond(peerPublic: Uint8Array, entropy: Entropy): KeyExchangeAnswer;
}

/**
 * A method whose ends do the same, as all of Diffie-Hellman does. `requireValid` throws InvalidKeyExchange where that can be told without the
 * work of a key exchange, which whoever sends such a value is not worth.
 */
export function symmetricMethod(
  method: number,
  length: number,
  start: (entropy: Entropy) => KeyExchange,
  requireValid: (peerPublic: Uint8Array) => void = () => undefined,
): KeyExchangeMethodImplementation {
  return {
    method,
    publicValueLength: { initiator: length, responder: length },
    start,
    respond(peerPublic, entropy) {
      requireLength(peerPublic, length);
      requireValid(peerPublic);
      const own = start(entropy);
      try {
        return { publicValue: own.publicValue, sharedSecret: own.sharedSecret(peerPublic) };
      } finally {
        own.destroy();
      }
    },
  };
}

/** RFC 7296 §3.4, RFC 5903 §7, RFC 8031 §3.1: KE data has exactly one length for each method. */
export function requireLength(peerPublic: Uint8Array, length: number): void {
  if (peerPublic.length !== length) throw new InvalidKeyExchange(`it has ${peerPublic.length} octets instead of ${length}`);
}
