/**
 * ML-KEM (FIPS 203) in IKEv2 (draft-ietf-ipsecme-ikev2-mlkem): the initiator sends an encapsulation key, the responder a ciphertext made with
 * it, and both hold the encapsulated secret of 32 octets.
 */
import { ml_kem1024, ml_kem512, ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { KeyExchangeMethod } from "../../wire/iana/index.ts";
import type { Entropy } from "../entropy.ts";
import { wipe } from "../octets.ts";
import { InvalidKeyExchange, requireLength, type KeyExchange, type KeyExchangeMethodImplementation } from "./method.ts";

interface ParameterSet {
  readonly method: number;
  readonly kem: typeof ml_kem768;
  /** Octets of ek and of c: FIPS 203, table 3. */
  readonly encapsulationKeyLength: number;
  readonly ciphertextLength: number;
}

const PARAMETER_SETS: readonly ParameterSet[] = [
  { method: KeyExchangeMethod.ML_KEM_768, kem: ml_kem768, encapsulationKeyLength: 1184, ciphertextLength: 1088 },
  { method: KeyExchangeMethod.ML_KEM_1024, kem: ml_kem1024, encapsulationKeyLength: 1568, ciphertextLength: 1568 },
  { method: KeyExchangeMethod.ML_KEM_512, kem: ml_kem512, encapsulationKeyLength: 800, ciphertextLength: 768 },
];

export const ML_KEM_METHODS: readonly KeyExchangeMethodImplementation[] = PARAMETER_SETS.map((set) => ({
  method: set.method,
  publicValueLength: { initiator: set.encapsulationKeyLength, responder: set.ciphertextLength },
  start: (entropy) => start(set, entropy),
  respond: (peerPublic, entropy) => respond(set, peerPublic, entropy),
}));

/** d | z of ML-KEM.KeyGen. */
const SEED_LENGTH = 64;
/** m of ML-KEM.Encaps. */
const MESSAGE_LENGTH = 32;

function start({ method, kem, ciphertextLength }: ParameterSet, entropy: Entropy): KeyExchange {
  const seed = entropy.bytes(SEED_LENGTH);
  const { publicKey, secretKey } = kem.keygen(seed);
  wipe(seed);
  let isDestroyed = false;
  return {
    method,
    publicValue: publicKey,
    /** A ciphertext of the right length is never refused: what does not fit the key gives another secret, and IKE fails with it (FIPS 203 §7.3). */
    sharedSecret(ciphertext) {
      if (isDestroyed) throw new TypeError("this key exchange is destroyed");
      requireLength(ciphertext, ciphertextLength);
      return kem.decapsulate(ciphertext, secretKey);
    },
    destroy() {
      wipe(secretKey);
      isDestroyed = true;
    },
  };
}

function respond(
  { kem, encapsulationKeyLength }: ParameterSet,
  encapsulationKey: Uint8Array,
  entropy: Entropy,
): { publicValue: Uint8Array; sharedSecret: Uint8Array } {
  requireLength(encapsulationKey, encapsulationKeyLength);
  const message = entropy.bytes(MESSAGE_LENGTH);
  try {
    const { cipherText, sharedSecret } = kem.encapsulate(encapsulationKey, message);
    return { publicValue: cipherText, sharedSecret };
  } catch {
    // The modulus check of FIPS 203 §7.2, which draft-ietf-ipsecme-ikev2-mlkem demands; there is no other failure once lengths fit.
    throw new InvalidKeyExchange("a coefficient of its encapsulation key is not reduced");
  } finally {
    wipe(message);
  }
}
