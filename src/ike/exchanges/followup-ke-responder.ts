/** IKE_FOLLOWUP_KE as responder (RFC 9370 §2.2.4): one additional key exchange of a CREATE_CHILD_SA that was answered before. */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import { NotifyType } from "../../wire/iana/index.ts";
import { findNotify, notify } from "../../wire/notify.ts";
import type { Payload } from "../../wire/payload.ts";
import type { Answer, Request } from "../answer.ts";
import { PeerMisbehaved } from "../errors.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { required } from "../required.ts";

/** Throws what notifyForError() knows an answer for. */
export function answerFollowupKe(ikeSa: IkeSa, request: Request, now: number): Answer {
  const link = findNotify(request.payloads, NotifyType.ADDITIONAL_KEY_EXCHANGE)?.data.slice();
  if (link === undefined) throw new PeerMisbehaved("its IKE_FOLLOWUP_KE does not say what it follows");
  const method = ikeSa.followups.methodOf(link);
  const ke = required(request.payloads, "KE");
  if (ke.method !== method) throw new PeerMisbehaved("its key exchange is not the one agreed on");
  const { publicValue, sharedSecret } = agreeOnSecret(() => respondKeyExchange(method, ke.data, ikeSa.services.entropy));
  const completion = ikeSa.followups.advance(link, sharedSecret, request, now);
  const answer: Payload[] = [{ type: "KE", method, data: publicValue }];
  if (completion === undefined) return { payloads: [...answer, notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)] };
  return {
    payloads: answer,
    then: (at) => {
      completion.then?.(at);
      // What had to wait for it.
      if (ikeSa.state.kind !== "DEAD") ikeSa.exchanger.pump(at);
    },
  };
}
