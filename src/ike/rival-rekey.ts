/** The peer's rekey of an SA that this end is rekeying, or may be about to (RFC 7296 §2.8.1, §2.8.2, RFC 9370 §2.2.4). */

export interface RivalRekey<Sa> {
  /** The lower of its exchange's two nonces. */
  readonly lowestNonce: Uint8Array;
  /** What it has made; undefined while its additional key exchanges are under way. */
  successor: Sa | undefined;
  /** Nothing comes of it any more. */
  isOver: boolean;
}

export const rivalRekey = <Sa>(lowestNonce: Uint8Array, successor?: Sa): RivalRekey<Sa> => ({ lowestNonce, successor, isOver: false });
