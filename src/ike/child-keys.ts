/** From the negotiated ESP transforms to the cipher of the data plane, and from nonces and SK_d to its keys (RFC 7296 §2.17). */
import { deriveChildKeymat } from "../crypto/ike-keys.ts";
import type { EspCipher } from "../ipsec/sadb.ts";
import { EncryptionAlgorithm, ExtendedSequenceNumbers, NotifyType, TransformType } from "../wire/iana/index.ts";
import type { Transform } from "../wire/proposal.ts";
import type { ChildSaKeymat } from "./child-sa.ts";
import { NoAgreement } from "./errors.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";
import { describeTransforms, transformOf } from "./proposals.ts";

export interface EspAlgorithm {
  readonly cipher: EspCipher;
  readonly esn: boolean;
}

/** Octets of KEYMAT for one direction: key and salt (RFC 4106 §8.1, RFC 7634 §2). */
const KEYMAT_LENGTH: Readonly<Record<EspCipher, number>> = { aes128gcm16: 16 + 4, aes256gcm16: 32 + 4, chacha20poly1305: 32 + 4 };

/** @throws NoAgreement for what was negotiated and the data plane cannot do: a configuration that promised too much. */
export function espAlgorithmOf(transforms: readonly Transform[]): EspAlgorithm {
  const encryption = transformOf({ transforms }, TransformType.ENCR);
  const cipher = encryption === undefined ? undefined : cipherOf(encryption);
  if (cipher === undefined) {
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, `the data plane does not implement ${describeTransforms(transforms)}`);
  }
  return { cipher, esn: transformOf({ transforms }, TransformType.ESN)?.id === ExtendedSequenceNumbers.ESN };
}

function cipherOf({ id, keyLength }: Transform): EspCipher | undefined {
  if (id === EncryptionAlgorithm.ENCR_CHACHA20_POLY1305) return "chacha20poly1305";
  if (id !== EncryptionAlgorithm.ENCR_AES_GCM_16) return undefined;
  if (keyLength === 128) return "aes128gcm16";
  return keyLength === 256 ? "aes256gcm16" : undefined;
}

/** The exchange that makes a Child SA, as far as its keys depend on it. */
export interface ChildKeyInputs {
  readonly role: "initiator" | "responder";
  /** Ni and Nr of CREATE_CHILD_SA, or of IKE_SA_INIT for the first Child SA. */
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  /** g^ir (new), with PFS. */
  readonly sharedSecret: Uint8Array | undefined;
  /** SK(1) to SK(n) of the additional key exchanges (RFC 9370 §2.2.4). The caller wipes them. */
  readonly furtherSecrets?: readonly Uint8Array[];
}

/** KEYMAT: first the keys of the SA that carries data from the initiator of the exchange to its responder. */
export function deriveChildKeys(keys: IkeSaKeys, cipher: EspCipher, inputs: ChildKeyInputs): ChildSaKeymat {
  const { role, nonceI, nonceR, sharedSecret, furtherSecrets = [] } = inputs;
  const { initiatorToResponder, responderToInitiator } = deriveChildKeymat({
    prf: keys.prf,
    skD: keys.skD,
    nonceI,
    nonceR,
    ...(sharedSecret === undefined ? {} : { sharedSecret }),
    furtherSecrets,
    lengthPerDirection: KEYMAT_LENGTH[cipher],
  });
  return role === "initiator"
    ? { outbound: initiatorToResponder, inbound: responderToInitiator }
    : { outbound: responderToInitiator, inbound: initiatorToResponder };
}
