/** IKE_INTERMEDIATE as responder (RFC 9242), for the additional key exchanges between IKE_SA_INIT and IKE_AUTH (RFC 9370 §2.2.2). */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import type { Answer, Request } from "../answer.ts";
import { PeerMisbehaved } from "../errors.ts";
import type { Handshake } from "../handshake.ts";
import type { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret } from "../key-agreement.ts";
import { additionalKeyExchangesOf } from "../proposals.ts";
import { required } from "../required.ts";

/** Throws what notifyForError() knows an answer for; then there is no IKE SA. */
export function answerIkeIntermediate(ikeSa: IkeSa, { payloads }: Request, handshake: Handshake): Answer {
  // The request is in the transcript already.
  const method = additionalKeyExchangesOf(ikeSa.keys)[ikeSa.intermediate.rounds - 1];
  if (method === undefined) throw new PeerMisbehaved("it sent IKE_INTERMEDIATE, of which there is nothing left to do");
  const ke = required(payloads, "KE");
  if (ke.method !== method) throw new PeerMisbehaved("its key exchange is not the one agreed on");
  const { publicValue, sharedSecret } = agreeOnSecret(() => respondKeyExchange(method, ke.data, ikeSa.services.entropy));
  return {
    payloads: [{ type: "KE", method, data: publicValue }],
    // The answer goes under the old keys still.
    then: () => ikeSa.strengthenKeys(sharedSecret, handshake),
  };
}

/** RFC 9370 §2.2.2: IKE_AUTH comes when all that was agreed on is done. */
export function requireAllKeyExchanges(ikeSa: IkeSa): void {
  const left = additionalKeyExchangesOf(ikeSa.keys).length - ikeSa.intermediate.rounds;
  if (left > 0) throw new PeerMisbehaved(`it sent IKE_AUTH before ${left} of the additional key exchanges`);
}
