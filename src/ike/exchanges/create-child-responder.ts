/** CREATE_CHILD_SA about a Child SA, as responder: a new one or, with REKEY_SA, the successor of one (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25). */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import type { EspSpi } from "../../ipsec/names.ts";
import { NotifyType } from "../../wire/iana/index.ts";
import { childSaNotFound, findNotify, invalidKe, notify } from "../../wire/notify.ts";
import { acceptChild } from "../child-acceptance.ts";
import { installChild } from "../child-installation.ts";
import { requireRoom } from "../child-room.ts";
import type { ChildSa } from "../child-sa.ts";
import { isCreating } from "../early-deletes.ts";
import { NoAgreement } from "../errors.ts";
import { espSpiFromOctets, espSpiOctets } from "../esp-spi.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { lowerNonce, newNonce } from "../nonce.ts";
import type { Followup } from "../pending-followups.ts";
import { additionalKeyExchangesOf, answerProposal, keyExchangeOf } from "../proposals.ts";
import { only, required } from "../required.ts";
import { rivalRekey, type RivalRekey } from "../rival-rekey.ts";
import { transportNotify } from "../transport-mode.ts";
import { answerConfiguration, requireLease } from "./configuration-responder.ts";

/** Throws what notifyForError() knows an answer for. */
export function answerCreateChild(ikeSa: IkeSa, request: Request, now: number): Answer {
  // §2.25.2: an IKE SA that is being replaced or closed takes no new Child SAs.
  if (ikeSa.state.kind !== "ESTABLISHED") throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `the IKE SA is ${ikeSa.state.kind}`);
  const rekey = findNotify(request.payloads, NotifyType.REKEY_SA);
  if (rekey === undefined) return create(ikeSa, request, undefined, now);
  const spi = espSpiFromOctets(rekey.spi, rekey.protocolId);
  const old = spi === undefined ? undefined : ikeSa.childByOutboundSpi(spi);
  if (old === undefined && isCreating(ikeSa)) {
    // It may be one whose making the peer has answered already, and we have not heard.
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "the Child SA to be rekeyed may be one that is being made");
  }
  if (old === undefined) return { payloads: [childSaNotFound(rekey.protocolId, rekey.spi.slice())] };
  // §2.25.1: one that we are closing, or that has its successor.
  if (!old.isAlive) throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `Child SA ${old.name} is ${old.state.kind}`);
  if (old.state.kind === "REKEYING" && old.state.rekey.isFollowingUp)
    throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, `our own rekey of Child SA ${old.name} is past its CREATE_CHILD_SA`);
  // What the peer rekeys, it has.
  ikeSa.confirm(old, now);
  return create(ikeSa, request, old, now);
}

function create(ikeSa: IkeSa, request: Request, old: ChildSa | undefined, now: number): Answer {
  const { services } = ikeSa;
  const { payloads } = request;
  const nonceI = required(payloads, "NONCE").data.slice();
  const configuration = answerConfiguration(ikeSa, payloads);
  if (configuration.failure !== undefined) throw configuration.failure;
  if (old === undefined) requireLease(ikeSa);
  const acceptance = acceptChild(ikeSa, payloads, old, false);
  const { chosen } = acceptance.agreed;
  const method = keyExchangeOf(chosen);
  const ke = only(payloads, "KE");
  if (method !== undefined && ke?.method !== method) return { payloads: [invalidKe(method)] };
  const methods = additionalKeyExchangesOf(chosen);
  if (methods.length > 0) ikeSa.followups.requireRoom();
  const nonceR = newNonce(services.entropy);
  const exchanged =
    method === undefined || ke === undefined ? undefined : agreeOnSecret(() => respondKeyExchange(method, ke.data, services.entropy));
  const sharedSecret = exchanged?.sharedSecret;
  const spiIn = services.reserveEspSpi(acceptance.cpu);
  const rival = rivalRekey<ChildSa>(lowerNonce(nonceI, nonceR));
  const install = (furtherSecrets: readonly Uint8Array[], messageId: number, at: number): void => {
    const keyInputs = { role: "responder" as const, nonceI, nonceR, sharedSecret, furtherSecrets };
    const installation = { ...acceptance, keyInputs, spiIn, rekeyOf: old, peerPayloads: payloads, awaitDelivery: messageId };
    const child = installChild(ikeSa, installation, at);
    if (old !== undefined) succeed(ikeSa, old, child, rival);
  };
  const stillHasRoom = (): void => requireRoom(ikeSa, { ...acceptance.agreed, config: acceptance.config, old, payloads });
  const followedUp = { methods, sharedSecret, old, rival, spiIn, requireRoom: stillHasRoom, install };
  const link = methods.length === 0 ? undefined : awaitFollowup(ikeSa, followedUp, now);
  if (link === undefined) install([], request.messageId, now);
  return {
    payloads: [
      ...acceptance.group.answerNotifies(acceptance.purpose, acceptance.cpu, payloads),
      ...configuration.payloads,
      ...transportNotify(acceptance.agreed.mode),
      { type: "SA", proposals: [answerProposal(chosen, espSpiOctets(spiIn))] },
      { type: "NONCE", data: nonceR },
      ...(exchanged === undefined || method === undefined ? [] : [{ type: "KE" as const, method, data: exchanged.publicValue }]),
      { type: "TSi", selectors: acceptance.agreed.remoteTs },
      { type: "TSr", selectors: acceptance.agreed.localTs },
      ...(link === undefined ? [] : [notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)]),
    ],
  };
}

interface FollowedUp extends Pick<Followup, "methods" | "sharedSecret"> {
  readonly old: ChildSa | undefined;
  readonly rival: RivalRekey<ChildSa>;
  readonly spiIn: EspSpi;
  /** As when it was asked for: others may have been made since. */
  readonly requireRoom: () => void;
  readonly install: (furtherSecrets: readonly Uint8Array[], messageId: number, now: number) => void;
}

/** RFC 9370 §2.2.4: the SA is made when its additional key exchanges are done. Gives the link to them. */
function awaitFollowup(
  ikeSa: IkeSa,
  { methods, sharedSecret, old, rival, spiIn, requireRoom, install }: FollowedUp,
  now: number,
): Uint8Array {
  const settle = (isOver: boolean): void => {
    rival.isOver = isOver;
    if (old?.peersRekey === rival) [old.peersRekey, old.peersFollowup] = [undefined, undefined];
  };
  const followup: Followup = {
    concerns: "child",
    methods,
    sharedSecret,
    complete: (secrets, { messageId }, at) => {
      const isPossible = ikeSa.state.kind === "ESTABLISHED" && (old === undefined || old.isAlive);
      if (!isPossible) {
        settle(true);
        ikeSa.services.releaseEspSpi(spiIn);
        throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "the IKE SA or the Child SA has changed in the meantime");
      }
      try {
        requireRoom();
      } catch (error) {
        followup.abandon(at);
        throw error;
      }
      settle(false);
      install(secrets, messageId, at);
      return undefined;
    },
    abandon: (at) => {
      settle(true);
      ikeSa.services.releaseEspSpi(spiIn);
      if (old?.state.kind === "REKEYING") old.state.rekey.rivalGone(at);
    },
  };
  if (old !== undefined) {
    // Another request for the same SA: the peer has begun anew.
    if (old.peersFollowup !== undefined) ikeSa.followups.drop(old.peersFollowup, now);
    [old.peersRekey, old.peersFollowup] = [rival, followup];
    if (old.state.kind === "REKEYING") old.state.rekey.collidedWith(rival);
  }
  return ikeSa.followups.add(followup, now);
}

function succeed(ikeSa: IkeSa, old: ChildSa, child: ChildSa, rival: RivalRekey<ChildSa>): void {
  old.successor = child;
  child.predecessor = old;
  rival.successor = child;
  if (old.state.kind === "REKEYING") old.state.rekey.collidedWith(rival);
  else old.transition({ kind: "REKEYED" });
  ikeSa.services.outputs.event({ kind: "childRekeyed", old: ikeSa.childRef(old), sa: ikeSa.childRef(child) });
}
