/** From the negotiated ESP transforms to the cipher of the data plane, and from nonces and SK_d to its keys (RFC 7296 §2.17). */
import { formatProposal } from "../crypto/algorithms.ts";
import { deriveChildKeymat } from "../crypto/ike-keys.ts";
import { espCipherNamed, keymatLength, propertiesOf } from "../ipsec/esp-cipher.ts";
import type { EspCipher } from "../ipsec/esp-cipher.ts";
import { ExtendedSequenceNumbers, IntegrityAlgorithm, NotifyType, TransformType } from "../wire/iana/index.ts";
import type { Transform } from "../wire/proposal.ts";
import type { ChildSaKeymat } from "./child-sa.ts";
import { NoAgreement } from "./errors.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";
import { describeTransforms, transformOf } from "./proposals.ts";

export interface EspAlgorithm {
  readonly cipher: EspCipher;
  readonly esn: boolean;
}

/** @throws NoAgreement for what was negotiated and the data plane cannot do: a configuration that promised too much. */
export function espAlgorithmOf(transforms: readonly Transform[]): EspAlgorithm {
  const cipher = cipherOf(transforms);
  if (cipher === undefined) {
    throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, `the data plane does not implement ${describeTransforms(transforms)}`);
  }
  return { cipher, esn: transformOf({ transforms }, TransformType.ESN)?.id === ExtendedSequenceNumbers.ESN };
}

/** A cipher of the data plane is called as its transforms are in a proposal. */
function cipherOf(transforms: readonly Transform[]): EspCipher | undefined {
  const parts = [TransformType.ENCR, TransformType.INTEG].flatMap((type) => transformOf({ transforms }, type) ?? []);
  return espCipherNamed(formatProposal({ transforms: parts.filter(({ id }) => id !== IntegrityAlgorithm.NONE) }))?.name;
}

/** The exchange that makes a Child SA, as far as its keys depend on it. */
export interface ChildKeyInputs {
  readonly role: "initiator" | "responder";
  /** Ni and Nr of CREATE_CHILD_SA, or of IKE_SA_INIT for the first Child SA. */
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  /** g^ir (new), with PFS. Whoever installs the SA wipes it. */
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
    lengthPerDirection: keymatLength(propertiesOf(cipher)),
  });
  return role === "initiator"
    ? { outbound: initiatorToResponder, inbound: responderToInitiator }
    : { outbound: responderToInitiator, inbound: initiatorToResponder };
}
