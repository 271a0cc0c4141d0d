/** CREATE_CHILD_SA that replaces the IKE SA, as responder (RFC 7296 §1.3.2, §2.18, §2.25). */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import { NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { ikeSpiFromOctets, ikeSpiOctets, type IkeSpi } from "../../wire/ike-header.ts";
import { invalidKe, notify } from "../../wire/notify.ts";
import { tokenFor } from "../crash-tokens.ts";
import { NoAgreement, PeerMisbehaved } from "../errors.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import { successorOf, takeOver } from "../ike-sa-succession.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { lowerNonce, newNonce } from "../nonce.ts";
import type { Followup } from "../pending-followups.ts";
import { additionalKeyExchangesOf, answerProposal, chooseProposal, keyExchangeOf } from "../proposals.ts";
import { required } from "../required.ts";
import { rivalRekey, type RivalRekey } from "../rival-rekey.ts";
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
  const methods = additionalKeyExchangesOf(chosen);
  if (methods.length > 0) ikeSa.followups.requireRoom();
  const { publicValue, sharedSecret } = agreeOnSecret(() => respondKeyExchange(method, ke.data, services.entropy));
  const [spiI, spiR] = [ikeSpiFromOctets(chosen.peerSpi), services.reserveIkeSpi()];
  const rival = rivalRekey<IkeSa>(lowerNonce(nonceI, nonceR));
  const succeed = (furtherSecrets: readonly Uint8Array[], at: number): IkeSa => {
    const inputs = { nonceI, nonceR, spiI, spiR, sharedSecret, furtherSecrets };
    const keys = IkeSaKeys.rekey(ikeSa.keys, chosen.transforms, inputs, false, services.entropy);
    rival.successor = successorOf(ikeSa, { isOriginalInitiator: false, ownSpi: spiR, peerSpi: spiI, keys }, at);
    return rival.successor;
  };
  const answer: Answer["payloads"] = [
    { type: "SA", proposals: [answerProposal(chosen, ikeSpiOctets(spiR))] },
    { type: "NONCE", data: nonceR },
    { type: "KE", method, data: publicValue },
    ...tokenFor(services.qcdSecret, "responder", { initiatorSpi: spiI, responderSpi: spiR }),
  ];
  // §2.8.2: which of the two stands is known when ours is answered.
  if (ikeSa.state.kind === "REKEYING") ikeSa.state.rekey.collidedWith(rival);
  if (methods.length > 0) {
    const link = awaitFollowup(ikeSa, { methods, sharedSecret, rival, spiR, succeed }, now);
    return { payloads: [...answer, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)] };
  }
  const successor = succeed([], now);
  if (ikeSa.state.kind === "REKEYING") return { payloads: answer };
  return { payloads: answer, then: (at) => replace(ikeSa, successor, at) };
}

interface FollowedUp extends Pick<Followup, "methods" | "sharedSecret"> {
  readonly rival: RivalRekey<IkeSa>;
  readonly spiR: IkeSpi;
  readonly succeed: (furtherSecrets: readonly Uint8Array[], now: number) => IkeSa;
}

/** RFC 9370 §2.2.4: the successor is made when its additional key exchanges are done. Gives the link to them. */
function awaitFollowup(ikeSa: IkeSa, { methods, sharedSecret, rival, spiR, succeed }: FollowedUp, now: number): Uint8Array {
  const settle = (isOver: boolean): void => {
    rival.isOver = isOver;
    if (ikeSa.peersFollowup === followup) ikeSa.peersFollowup = undefined;
  };
  const followup: Followup = {
    concerns: "ike",
    methods,
    sharedSecret,
    complete: (secrets, _request, at) => {
      const { kind } = ikeSa.state;
      const isPossible = kind === "ESTABLISHED" || kind === "REKEYING";
      settle(!isPossible);
      if (!isPossible) {
        ikeSa.services.releaseIkeSpi(spiR);
        throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `the IKE SA is ${kind}`);
      }
      const successor = succeed(secrets, at);
      return (later) => {
        if (ikeSa.state.kind === "REKEYING") ikeSa.state.rekey.rivalCompleted(later);
        else if (ikeSa.state.kind === "ESTABLISHED") replace(ikeSa, successor, later);
      };
    },
    abandon: (at) => {
      settle(true);
      ikeSa.services.releaseIkeSpi(spiR);
      if (ikeSa.state.kind === "REKEYING") ikeSa.state.rekey.rivalGone(at);
      if (ikeSa.state.kind !== "DEAD") ikeSa.exchanger.pump(at);
    },
  };
  ikeSa.peersFollowup = followup;
  return ikeSa.followups.add(followup, now);
}

function replace(ikeSa: IkeSa, successor: IkeSa, now: number): void {
  takeOver(ikeSa, successor, now);
  ikeSa.transition({ kind: "REKEYED" }, "rekeyed by the peer");
  tellOnReplaced(ikeSa, now);
}

/** §2.25: not while a Child SA of it is being created, rekeyed or closed by us, nor while it is being replaced or closed itself. */
function requireIdle(ikeSa: IkeSa): void {
  const { kind } = ikeSa.state;
  if (kind !== "ESTABLISHED" && kind !== "REKEYING") throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `the IKE SA is ${kind}`);
  const begun = [...ikeSa.exchanger.outstanding, ...ikeSa.exchanger.queued.filter(({ order }) => order === "next")];
  const busy = begun.find(({ concerns }) => concerns === "child");
  if (busy !== undefined) throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `${busy.name} is outstanding`);
  if (kind === "REKEYING" && ikeSa.state.rekey.isFollowingUp)
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "our own rekey of the IKE SA is past its CREATE_CHILD_SA");
  if (ikeSa.peersFollowup !== undefined || (kind === "REKEYING" && ikeSa.state.rekey.rival !== undefined))
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "it has been rekeyed already");
}
