/**
 * Key exchange (transform type 4), one file per family under key-exchange/. Initiator and responder are told apart because a KEM is not
 * symmetric: there the responder's public value, a ciphertext, is made from the initiator's.
 */
import type { Entropy } from "./entropy.ts";
import { ECP_METHODS } from "./key-exchange/ecp.ts";
import type { KeyExchange, KeyExchangeAnswer, KeyExchangeMethodImplementation } from "./key-exchange/method.ts";
import { ML_KEM_METHODS } from "./key-exchange/ml-kem.ts";
import { MODP_METHODS } from "./key-exchange/modp.ts";
import { MONTGOMERY_METHODS } from "./key-exchange/montgomery.ts";

export { InvalidKeyExchange } from "./key-exchange/method.ts";
export type { KeyExchange, KeyExchangeAnswer } from "./key-exchange/method.ts";

const METHODS: ReadonlyMap<number, KeyExchangeMethodImplementation> = new Map(
  [...MONTGOMERY_METHODS, ...ECP_METHODS, ...MODP_METHODS, ...ML_KEM_METHODS].map((implementation) => [
    implementation.method,
    implementation,
  ]),
);

/**
 * Draws a private value. Throws RangeError for a method that is not supported: ask {@link supportedKeyExchanges} before believing a peer or
 * a configuration.
 */
export function startKeyExchange(method: number, entropy: Entropy): KeyExchange {
  return implementationOf(method).start(entropy);
}

/**
 * The responder's half: draws a private value, answers `peerPublic`, the data of the initiator's KE payload, and forgets the private value.
 * Throws InvalidKeyExchange when `peerPublic` is no public value of this method, RangeError for a method that is not supported.
 */
export function respondKeyExchange(method: number, peerPublic: Uint8Array, entropy: Entropy): KeyExchangeAnswer {
  return implementationOf(method).respond(peerPublic, entropy);
}

/** IANA transform IDs, the cheapest and strongest first. */
export function supportedKeyExchanges(): number[] {
  return [...METHODS.keys()];
}

/** Octets of KE data that `sender` sends; undefined for a method that is not supported. */
export function publicValueLength(method: number, sender: "initiator" | "responder" = "initiator"): number | undefined {
  return METHODS.get(method)?.publicValueLength[sender];
}

function implementationOf(method: number): KeyExchangeMethodImplementation {
  const implementation = METHODS.get(method);
  if (implementation === undefined) throw new RangeError(`key exchange method ${method} is not supported`);
  return implementation;
}
