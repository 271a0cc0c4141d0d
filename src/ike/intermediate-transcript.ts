/** What IKE_AUTH proves of the IKE_INTERMEDIATE exchanges before it (RFC 9242 §3.3.2): a chain of MACs over all their messages, for each end. */
import { concat, Writer } from "../wire/octets.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";

type End = "initiator" | "responder";

const NOTHING: Uint8Array = new Uint8Array(0);

export class IntermediateTranscript {
  #initiator = NOTHING;
  #responder = NOTHING;
  #rounds = 0;

  /** Requests so far. */
  get rounds(): number {
    return this.#rounds;
  }

  /**
   * IntAuth_n = prf(SK_p, IntAuth_n-1 | A | P), with the keys that protect the message.
   *
   * @param unencrypted A | P (wire/unencrypted-form.ts)
   */
  add(sender: End, keys: Pick<IkeSaKeys, "prf" | "skP">, unencrypted: Uint8Array): void {
    if (sender === "initiator") {
      this.#rounds++;
      this.#initiator = keys.prf.compute(keys.skP(sender), this.#initiator, unencrypted);
    } else {
      this.#responder = keys.prf.compute(keys.skP(sender), this.#responder, unencrypted);
    }
  }

  /** IntAuth_iN | IntAuth_rN | IKE_AUTH_MID, at the end of both ends' signed octets; empty when there was no such exchange. */
  get intAuth(): Uint8Array {
    if (this.#rounds === 0) return NOTHING;
    // IKE_SA_INIT has message ID 0, so the first IKE_AUTH has the one after the last round's.
    const authMessageId = new Writer(4).u32(this.#rounds + 1).finish();
    return concat(this.#initiator, this.#responder, authMessageId);
  }
}
