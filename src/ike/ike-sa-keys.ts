/** The negotiated algorithms and the keys of one IKE SA (RFC 7296 §2.14, §2.18), and what is done with them. */
import type { Entropy } from "../crypto/entropy.ts";
import { ikeCipherFor, type IkeCipherSuite } from "../crypto/ike-cipher.ts";
import { deriveIkeKeys, rekeyIkeKeys, strengthenIkeKeys, wipe, wipeIkeKeys, type IkeKeys } from "../crypto/ike-keys.ts";
import { prfFor, type Prf } from "../crypto/prf.ts";
import { NotifyType, TransformType } from "../wire/iana/index.ts";
import { formatIkeSpi, ikeSpiOctets, type IkeSpi } from "../wire/ike-header.ts";
import type { Transform } from "../wire/proposal.ts";
import { NoAgreement } from "./errors.ts";
import type { KeyMaterial } from "./events.ts";
import { MessageProtection } from "./message-protection.ts";
import { PpkKeys } from "./ppk-keys.ts";
import { describeTransforms, transformOf } from "./proposals.ts";

/** The public inputs of a key derivation. */
export interface KeyDerivationInputs {
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  /** Of the key exchange. Wiped here. */
  readonly sharedSecret: Uint8Array;
  /** SK(1) to SK(n) of the additional key exchanges of a rekey (RFC 9370 §2.2.4). The caller wipes them. */
  readonly furtherSecrets?: readonly Uint8Array[];
}

export class IkeSaKeys {
  readonly transforms: readonly Transform[];
  readonly prf: Prf;
  readonly protection: MessageProtection;
  #keys: IkeKeys;

  private constructor(
    transforms: readonly Transform[],
    prf: Prf,
    cipher: IkeCipherSuite,
    keys: IkeKeys,
    isOriginalInitiator: boolean,
    entropy: Entropy,
  ) {
    this.transforms = transforms;
    this.prf = prf;
    this.#keys = keys;
    this.protection = new MessageProtection(cipher, keys, isOriginalInitiator, entropy);
  }

  /** After IKE_SA_INIT: SKEYSEED = prf(Ni | Nr, g^ir). */
  static derive(transforms: readonly Transform[], inputs: KeyDerivationInputs, isOriginalInitiator: boolean, entropy: Entropy): IkeSaKeys {
    const { prf, cipher } = algorithmsOf(transforms);
    const keys = deriveIkeKeys({ prf, cipher, ...octetsOf(inputs) });
    wipe(inputs.sharedSecret);
    return new IkeSaKeys(transforms, prf, cipher, keys, isOriginalInitiator, entropy);
  }

  /** After CREATE_CHILD_SA: SKEYSEED = prf(SK_d of the old IKE SA, g^ir | Ni | Nr), with the old IKE SA's prf. */
  static rekey(
    old: IkeSaKeys,
    transforms: readonly Transform[],
    inputs: KeyDerivationInputs,
    isOriginalInitiator: boolean,
    entropy: Entropy,
  ): IkeSaKeys {
    const { prf, cipher } = algorithmsOf(transforms);
    const keys = rekeyIkeKeys({ oldPrf: old.prf, oldSkD: old.#keys.skD, prf, cipher, ...octetsOf(inputs) });
    wipe(inputs.sharedSecret);
    return new IkeSaKeys(transforms, prf, cipher, keys, isOriginalInitiator, entropy);
  }

  /** After an IKE_INTERMEDIATE exchange with a key exchange (RFC 9370 §2.2.2). `old` is left to the caller. */
  static strengthen(old: IkeSaKeys, inputs: KeyDerivationInputs, isOriginalInitiator: boolean, entropy: Entropy): IkeSaKeys {
    const { prf, cipher } = algorithmsOf(old.transforms);
    const keys = strengthenIkeKeys({ oldSkD: old.#keys.skD, prf, cipher, ...octetsOf(inputs) });
    wipe(inputs.sharedSecret);
    return new IkeSaKeys(old.transforms, prf, cipher, keys, isOriginalInitiator, entropy);
  }

  /** For KEYMAT of Child SAs. Not to be kept. */
  get skD(): Uint8Array {
    return this.#keys.skD;
  }

  /** SK_pi or SK_pr: for the AUTH payload of that end. */
  skP(end: "initiator" | "responder"): Uint8Array {
    return end === "initiator" ? this.#keys.skPi : this.#keys.skPr;
  }

  /** What IKE_AUTH is proved with when both ends have the PPK (RFC 8784 §3). Ours stay as they are until {@link adopt}. */
  mixedWith(ppk: Uint8Array): PpkKeys {
    return new PpkKeys(this.prf, this.#keys, ppk);
  }

  /** The keys with the PPK take the place of those without, which are wiped. */
  adopt({ mixed }: PpkKeys): void {
    const { skD, skPi, skPr } = this.#keys;
    wipe(skD, skPi, skPr);
    this.#keys = { ...this.#keys, ...mixed };
  }

  get algorithms(): string {
    return describeTransforms(this.transforms);
  }

  /** For an explicit key log. */
  material(spiI: IkeSpi, spiR: IkeSpi): KeyMaterial {
    const { skEi, skEr, skAi, skAr } = this.#keys;
    const encryption = transformOf(this, TransformType.ENCR);
    return {
      kind: "ike",
      initiatorSpi: formatIkeSpi(spiI),
      responderSpi: formatIkeSpi(spiR),
      encryption: { id: encryption?.id ?? 0, keyLength: encryption?.keyLength ?? 0 },
      integrity: transformOf(this, TransformType.INTEG)?.id,
      skEi,
      skEr,
      skAi,
      skAr,
    };
  }

  wipe(): void {
    wipeIkeKeys(this.#keys);
  }
}

/** @throws NoAgreement for what was negotiated and is not implemented: a configuration that promised too much. */
function algorithmsOf(transforms: readonly Transform[]): { prf: Prf; cipher: IkeCipherSuite } {
  const encryption = transformOf({ transforms }, TransformType.ENCR);
  const integrity = transformOf({ transforms }, TransformType.INTEG);
  const prf = prfFor(transformOf({ transforms }, TransformType.PRF)?.id ?? 0);
  const cipher = encryption === undefined ? undefined : ikeCipherFor(encryption, integrity);
  if (prf === undefined || cipher === undefined) {
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, `these IKE algorithms are not implemented: ${describeTransforms(transforms)}`);
  }
  return { prf, cipher };
}

function octetsOf({ nonceI, nonceR, spiI, spiR, sharedSecret, furtherSecrets = [] }: KeyDerivationInputs): {
  nonceI: Uint8Array;
  nonceR: Uint8Array;
  spiI: Uint8Array;
  spiR: Uint8Array;
  sharedSecret: Uint8Array;
  furtherSecrets: readonly Uint8Array[];
} {
  return { nonceI, nonceR, spiI: ikeSpiOctets(spiI), spiR: ikeSpiOctets(spiR), sharedSecret, furtherSecrets };
}
