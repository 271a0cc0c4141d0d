/** CREATE_CHILD_SA that replaces the IKE SA, as responder (RFC 7296 §1.3.2, §2.18, §2.25). */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import { NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { ikeSpiFromOctets, ikeSpiOctets } from "../../wire/ike-header.ts";
import { invalidKe } from "../../wire/notify.ts";
import { NoAgreement, PeerMisbehaved } from "../errors.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import { successorOf, takeOver } from "../ike-sa-succession.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { lowerNonce, newNonce } from "../nonce.ts";
import { answerProposal, chooseProposal, keyExchangeOf } from "../proposals.ts";
import { required } from "../required.ts";
import { tellOnReplaced } from "./update-addresses.ts";

/** Throws what notifyForError() knows an answer for. */
export function answerRekeyIke(ikeSa: IkeSa, { payloads }: Request, now: number): Answer {
  requireIdle(ikeSa);
  const { services, config } = ikeSa;
  const ke = required(payloads, "KE");
  const chosen = chooseProposal(config?.proposals ?? [], required(payloads, "SA").proposals, ke.method);
  if (chosen.protocolId !== ProtocolId.IKE || chosen.peerSpi.length !== 8) throw new PeerMisbehaved("its new IKE SPI is malformed");
  const method = keyExchangeOf(chosen);
  // §1.3.2: rekeying an IKE SA always has a key exchange.
  if (method === undefined) throw new NoAgreement(NotifyType.NO_PROPOSAL_CHOSEN, "an IKE SA cannot be rekeyed without a key exchange");
  if (method !== ke.method) return { payloads: [invalidKe(method)] };
  const nonceI = required(payloads, "NONCE").data.slice();
  const nonceR = newNonce(services.entropy);
  const { publicValue, sharedSecret } = agreeOnSecret(() => respondKeyExchange(method, ke.data, services.entropy));
  const [spiI, spiR] = [ikeSpiFromOctets(chosen.peerSpi), services.reserveIkeSpi()];
  const keys = IkeSaKeys.rekey(ikeSa.keys, chosen.transforms, { nonceI, nonceR, spiI, spiR, sharedSecret }, false, services.entropy);
  const successor = successorOf(ikeSa, { isOriginalInitiator: false, ownSpi: spiR, peerSpi: spiI, keys }, now);
  const answer: Answer["payloads"] = [
    { type: "SA", proposals: [answerProposal(chosen, ikeSpiOctets(spiR))] },
    { type: "NONCE", data: nonceR },
    { type: "KE", method, data: publicValue },
  ];
  if (ikeSa.state.kind === "REKEYING") {
    // §2.8.2: which of the two stands is known when ours is answered.
    ikeSa.state.rekey.collidedWith(successor, lowerNonce(nonceI, nonceR));
    return { payloads: answer };
  }
  return {
    payloads: answer,
    then: (at) => {
      takeOver(ikeSa, successor, at);
      ikeSa.transition({ kind: "REKEYED" }, "rekeyed by the peer");
      tellOnReplaced(ikeSa, at);
    },
  };
}

/** §2.25: not while a Child SA of it is being created, rekeyed or closed by us, nor while it is being replaced or closed itself. */
function requireIdle(ikeSa: IkeSa): void {
  const { kind } = ikeSa.state;
  if (kind !== "ESTABLISHED" && kind !== "REKEYING") throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `the IKE SA is ${kind}`);
  const busy = ikeSa.exchanger.outstanding.find(({ concerns }) => concerns === "child");
  if (busy !== undefined) throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `${busy.name} is outstanding`);
  if (kind === "REKEYING" && ikeSa.state.rekey.rival !== undefined)
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "it has been rekeyed already");
}
