/** The keys of IKE SAs and Child SAs, derived from a key exchange and two nonces (RFC 7296 §2.14, §2.17, §2.18). */
import { concat } from "../wire/octets.ts";
import { wipe } from "./octets.ts";
import { prfPlus, type Prf } from "./prf.ts";

export { wipe } from "./octets.ts";

/** The seven keys of an IKE SA. Each is an array of its own. */
export interface IkeKeys {
  /** From which the keys of Child SAs and of the next IKE SA are derived. */
  readonly skD: Uint8Array;
  /** Integrity, of messages from the original initiator and responder; empty with an AEAD. */
  readonly skAi: Uint8Array;
  readonly skAr: Uint8Array;
  /** Encryption, with the salt of an AEAD behind the key. */
  readonly skEi: Uint8Array;
  readonly skEr: Uint8Array;
  /** For the AUTH payload. */
  readonly skPi: Uint8Array;
  readonly skPr: Uint8Array;
}

/** The part of an IKE cipher suite that key derivation depends on. */
export interface CipherKeyLengths {
  /** Octets, salt included. */
  readonly keyLength: number;
  /** Octets; 0 for an AEAD. */
  readonly integKeyLength: number;
}

export interface IkeKeyInputs {
  /** The negotiated PRF of the new IKE SA. */
  readonly prf: Prf;
  readonly cipher: CipherKeyLengths;
  /** Data of the Ni and Nr payloads. */
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  /** 8 octets each. */
  readonly spiI: Uint8Array;
  readonly spiR: Uint8Array;
  /** g^ir, in the encoding of its key exchange method. The caller wipes it. */
  readonly sharedSecret: Uint8Array;
}

/** §2.14: SKEYSEED = prf(Ni | Nr, g^ir). */
export function deriveIkeKeys(inputs: IkeKeyInputs): IkeKeys {
  return expand(inputs.prf.compute(concat(inputs.nonceI, inputs.nonceR), inputs.sharedSecret), inputs);
}

export interface IkeRekeyInputs extends IkeKeyInputs {
  readonly oldPrf: Prf;
  readonly oldSkD: Uint8Array;
  /** SK(1) to SK(n) of the additional key exchanges. The caller wipes them. */
  readonly furtherSecrets?: readonly Uint8Array[];
}

/**
 * §2.18: SKEYSEED = prf(SK_d of the old IKE SA, g^ir (new) | Ni | Nr), and with additional key exchanges prf(SK_d, SK(0) | Ni | Nr | SK(1) | …
 * | SK(n)) (RFC 9370 §2.2.4). That prf is the old IKE SA's, while the new keys are expanded with the
 * new one's. The SPIs are the new ones.
 */
export function rekeyIkeKeys(inputs: IkeRekeyInputs): IkeKeys {
  const { oldPrf, oldSkD, sharedSecret, nonceI, nonceR, furtherSecrets = [] } = inputs;
  return expand(oldPrf.compute(oldSkD, sharedSecret, nonceI, nonceR, ...furtherSecrets), inputs);
}

/**
 * RFC 9370 §2.2.2: after each IKE_INTERMEDIATE exchange with a key exchange, SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), with the nonces and
 * SPIs of IKE_SA_INIT. That is the formula of a rekey, onto the same IKE SA.
 */
export const strengthenIkeKeys = (inputs: IkeKeyInputs & { readonly oldSkD: Uint8Array }): IkeKeys =>
  rekeyIkeKeys({ ...inputs, oldPrf: inputs.prf });

/** {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr). Wipes SKEYSEED. */
function expand(skeyseed: Uint8Array, { prf, cipher, nonceI, nonceR, spiI, spiR }: IkeKeyInputs): IkeKeys {
  const { keyLength, integKeyLength } = cipher;
  const total = 3 * prf.keyLength + 2 * (integKeyLength + keyLength);
  const stream = prfPlus(prf, skeyseed, concat(nonceI, nonceR, spiI, spiR), total);
  let offset = 0;
  const take = (length: number): Uint8Array => stream.slice(offset, (offset += length));
  const keys: IkeKeys = {
    skD: take(prf.keyLength),
    skAi: take(integKeyLength),
    skAr: take(integKeyLength),
    skEi: take(keyLength),
    skEr: take(keyLength),
    skPi: take(prf.keyLength),
    skPr: take(prf.keyLength),
  };
  wipe(skeyseed, stream);
  return keys;
}

export type PpkMixedKeys = Pick<IkeKeys, "skD" | "skPi" | "skPr">;

/** RFC 8784 §3: SK_d = prf+(PPK, SK_d'), and SK_pi and SK_pr likewise, each as long as before. The keys that protect messages stay. */
export function mixPpk(prf: Prf, ppk: Uint8Array, { skD, skPi, skPr }: PpkMixedKeys): PpkMixedKeys {
  const mix = (key: Uint8Array): Uint8Array => prfPlus(prf, ppk, key, key.length);
  return { skD: mix(skD), skPi: mix(skPi), skPr: mix(skPr) };
}

export function wipeIkeKeys(keys: IkeKeys): void {
  wipe(keys.skD, keys.skAi, keys.skAr, keys.skEi, keys.skEr, keys.skPi, keys.skPr);
}

export interface ChildKeymatInputs {
  /** Of the IKE SA that the Child SA is created by. */
  readonly prf: Prf;
  readonly skD: Uint8Array;
  /** Nonces of the exchange that creates the Child SA: CREATE_CHILD_SA's, or IKE_SA_INIT's for the one made in IKE_AUTH. */
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  /** g^ir (new) when the exchange had a KE payload: perfect forward secrecy. The caller wipes it. */
  readonly sharedSecret?: Uint8Array;
  /** SK(1) to SK(n) of the additional key exchanges. The caller wipes them. */
  readonly furtherSecrets?: readonly Uint8Array[];
  /** Octets of one direction: encryption key with salt, then integrity key. */
  readonly lengthPerDirection: number;
}

/** Keys of the two ESP SAs, named by the initiator and responder of the exchange that creates them. Each is an array of its own. */
export interface ChildKeymat {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
}

/** §2.17: KEYMAT = prf+(SK_d, [g^ir (new) |] Ni | Nr [| SK(1) | … | SK(n), RFC 9370 §2.2.4]); all keys of the direction initiator to responder come first. */
export function deriveChildKeymat(inputs: ChildKeymatInputs): ChildKeymat {
  const { prf, skD, nonceI, nonceR, sharedSecret, furtherSecrets = [], lengthPerDirection } = inputs;
  const seed = concat(sharedSecret ?? new Uint8Array(0), nonceI, nonceR, ...furtherSecrets);
  const stream = prfPlus(prf, skD, seed, 2 * lengthPerDirection);
  // Copies, not views: a message to another thread clones the whole buffer below a view, and would carry the other direction's keys along.
  const keymat = {
    initiatorToResponder: stream.slice(0, lengthPerDirection),
    responderToInitiator: stream.slice(lengthPerDirection),
  };
  wipe(seed, stream);
  return keymat;
}
