/** CREATE_CHILD_SA about a Child SA, as responder: a new one or, with REKEY_SA, the successor of one (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25). */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import { NotifyType } from "../../wire/iana/index.ts";
import { childSaNotFound, findNotify, invalidKe } from "../../wire/notify.ts";
import { acceptChild } from "../child-acceptance.ts";
import { installChild } from "../child-installation.ts";
import type { ChildSa } from "../child-sa.ts";
import { isCreating } from "../early-deletes.ts";
import { NoAgreement } from "../errors.ts";
import { espSpiFromOctets, espSpiOctets } from "../esp-spi.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { lowerNonce, newNonce } from "../nonce.ts";
import { answerProposal, keyExchangeOf } from "../proposals.ts";
import { only, required } from "../required.ts";

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
  // What the peer rekeys, it has.
  ikeSa.confirm(old, now);
  return create(ikeSa, request, old, now);
}

function create(ikeSa: IkeSa, { payloads, messageId }: Request, old: ChildSa | undefined, now: number): Answer {
  const { services } = ikeSa;
  const nonceI = required(payloads, "NONCE").data.slice();
  const acceptance = acceptChild(ikeSa, payloads, old, false);
  const { chosen } = acceptance.agreed;
  const method = keyExchangeOf(chosen);
  const ke = only(payloads, "KE");
  if (method !== undefined && ke?.method !== method) return { payloads: [invalidKe(method)] };
  const nonceR = newNonce(services.entropy);
  const exchanged =
    method === undefined || ke === undefined ? undefined : agreeOnSecret(() => respondKeyExchange(method, ke.data, services.entropy));
  const spiIn = services.reserveEspSpi(acceptance.cpu);
  const child = installChild(
    ikeSa,
    {
      ...acceptance,
      keyInputs: { role: "responder", nonceI, nonceR, sharedSecret: exchanged?.sharedSecret },
      spiIn,
      rekeyOf: old,
      peerPayloads: payloads,
      awaitDelivery: messageId,
    },
    now,
  );
  if (old !== undefined) succeed(ikeSa, old, child, lowerNonce(nonceI, nonceR));
  return {
    payloads: [
      ...acceptance.group.answerNotifies(acceptance.purpose, acceptance.cpu, payloads),
      { type: "SA", proposals: [answerProposal(chosen, espSpiOctets(spiIn))] },
      { type: "NONCE", data: nonceR },
      ...(exchanged === undefined || method === undefined ? [] : [{ type: "KE" as const, method, data: exchanged.publicValue }]),
      { type: "TSi", selectors: acceptance.agreed.remoteTs },
      { type: "TSr", selectors: acceptance.agreed.localTs },
    ],
  };
}

function succeed(ikeSa: IkeSa, old: ChildSa, child: ChildSa, lowestNonce: Uint8Array): void {
  old.successor = child;
  child.predecessor = old;
  if (old.state.kind === "REKEYING") old.state.rekey.collidedWith(child, lowestNonce);
  else old.transition({ kind: "REKEYED" });
  ikeSa.services.outputs.event({ kind: "childRekeyed", old: ikeSa.childRef(old), sa: ikeSa.childRef(child) });
}
