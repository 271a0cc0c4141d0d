/** Which exchange answers a request, and what becomes of the errors that it throws. */
import { ExchangeType, NotifyType, ProtocolId } from "../wire/iana/index.ts";
import { notify } from "../wire/notify.ts";
import type { Payload } from "../wire/payload.ts";
import { NoAgreement, notifyForError, PeerMisbehaved } from "./errors.ts";
import { answerCreateChild } from "./exchanges/create-child-responder.ts";
import { answerFollowupKe } from "./exchanges/followup-ke-responder.ts";
import { answerIkeAuth, type IkeAuthContext } from "./exchanges/ike-auth-responder.ts";
import { answerIkeIntermediate, requireAllKeyExchanges } from "./exchanges/ike-intermediate-responder.ts";
import { answerInformational } from "./exchanges/informational.ts";
import { answerRekeyIke } from "./exchanges/rekey-ike-responder.ts";
import type { Answer, Request } from "./answer.ts";
import type { IkeSa } from "./ike-sa.ts";

export interface DispatchPorts {
  /** Of a half-open IKE SA. */
  readonly authContext: (ikeSa: IkeSa) => IkeAuthContext | undefined;
  /** The request was refused. `text` is for the operator, the notify is what the peer learns. */
  readonly refused: (ikeSa: IkeSa, notifyType: number, text: string, error: unknown) => void;
}

/** Never throws for what the peer sent. */
export function answerRequest(ikeSa: IkeSa, request: Request, ports: DispatchPorts, now: number): Answer {
  try {
    return dispatch(ikeSa, request, ports, now);
  } catch (error) {
    const { notifyType, data, fatal } = notifyForError(error);
    const text = error instanceof Error ? error.message : "";
    ports.refused(ikeSa, notifyType, text, error);
    const isOver = fatal || ikeSa.state.kind === "HALF_OPEN";
    const payloads = [notify(notifyType, data)];
    return isOver ? { payloads, then: (at) => ikeSa.destroy(text, "local", at) } : { payloads };
  }
}

function dispatch(ikeSa: IkeSa, request: Request, ports: DispatchPorts, now: number): Answer {
  const { exchangeType } = request;
  if (ikeSa.state.kind === "HALF_OPEN") {
    const context = ports.authContext(ikeSa);
    if (exchangeType === ExchangeType.IKE_INTERMEDIATE && context !== undefined) {
      return answerIkeIntermediate(ikeSa, request, context.handshake);
    }
    if (exchangeType !== ExchangeType.IKE_AUTH || context === undefined)
      throw new PeerMisbehaved(`it sent ${ExchangeType.nameOf(exchangeType)} before IKE_AUTH`);
    requireAllKeyExchanges(ikeSa);
    return answerIkeAuth(ikeSa, request, context, now);
  }
  if (ikeSa.state.kind === "PENDING" && !isEndOfIkeSa(request.payloads)) notedInUse(ikeSa.state.predecessor, now);
  switch (exchangeType) {
    case ExchangeType.CREATE_CHILD_SA:
      return isAboutIkeSa(request.payloads) ? answerRekeyIke(ikeSa, request, now) : answerCreateChild(ikeSa, request, now);
    case ExchangeType.IKE_FOLLOWUP_KE:
      return answerFollowupKe(ikeSa, request, now);
    case ExchangeType.INFORMATIONAL:
      return answerInformational(ikeSa, request, now);
    default:
      throw new NoAgreement(
        NotifyType.INVALID_SYNTAX,
        `${ExchangeType.nameOf(exchangeType)} has no place on an IKE SA that is ${ikeSa.state.kind}`,
      );
  }
}

/**
 * §2.8.2: the maker of the redundant one of two does nothing with it but delete it. So anything else says that the peer has seen both nonces and
 * moved its Child SAs here; a Delete for one of them must find it, even if the answer to our own rekey, which would tell us, is late.
 */
function notedInUse({ state }: IkeSa, now: number): void {
  if (state.kind === "REKEYING") state.rekey.rivalInUse(now);
}

function isEndOfIkeSa(payloads: readonly Payload[]): boolean {
  return payloads.some((payload) => payload.type === "DELETE" && payload.protocolId === ProtocolId.IKE);
}

/** §1.3.2: an IKE SA is rekeyed by proposals for IKE; there are no selectors then. */
function isAboutIkeSa(payloads: readonly Payload[]): boolean {
  return payloads.some((payload) => payload.type === "SA" && payload.proposals.some(({ protocolId }) => protocolId === ProtocolId.IKE));
}
