/** The life of an IKE SA as a discriminated union, and which step may follow which. */
import type { RivalRekey } from "./rival-rekey.ts";

/** Our own rekey of an IKE SA, as far as a rekey by the peer at the same time must know of it (RFC 7296 §2.8.2). */
export interface IkeRekeyInProgress<Successor> {
  /** Its CREATE_CHILD_SA is answered, and the additional key exchanges are under way: too late for a collision (RFC 9370 §2.2.4). */
  readonly isFollowingUp: boolean;
  /** Told when the peer's CREATE_CHILD_SA is answered. */
  collidedWith(rival: RivalRekey<Successor>): void;
  /** The peer's successor is there, after its additional key exchanges. */
  rivalCompleted(now: number): void;
  /** The peer uses its successor: to it, that is the one that stands. */
  rivalInUse(now: number): void;
  /** The peer has not completed its additional key exchanges. */
  rivalGone(now: number): void;
  /** The peer's successor, while it is not decided which one stands. */
  readonly rival: Successor | undefined;
}

export type IkeSaState<Successor> =
  /** Our IKE_SA_INIT request is outstanding. */
  | { readonly kind: "INITIATING" }
  /** We answered IKE_SA_INIT; the peer is not authenticated. */
  | { readonly kind: "HALF_OPEN" }
  /** Our IKE_AUTH request is outstanding. */
  | { readonly kind: "AUTHENTICATING" }
  /** Made by a rekey exchange; possibly the redundant one of two. */
  | { readonly kind: "PENDING"; readonly predecessor: Successor }
  | { readonly kind: "ESTABLISHED" }
  /** Our request to rekey it is outstanding. */
  | { readonly kind: "REKEYING"; readonly rekey: IkeRekeyInProgress<Successor> }
  /** A successor made by the peer's exchange has its Child SAs; the peer's Delete is to come. */
  | { readonly kind: "REKEYED" }
  /** Our Delete waits to be sent or answered. */
  | { readonly kind: "DELETING" }
  | { readonly kind: "DEAD" };

export type IkeSaStateName = IkeSaState<never>["kind"];

export const NEXT_IKE_SA_STATES: Readonly<Record<IkeSaStateName, readonly IkeSaStateName[]>> = {
  INITIATING: ["AUTHENTICATING", "DEAD"],
  HALF_OPEN: ["ESTABLISHED", "DEAD"],
  AUTHENTICATING: ["ESTABLISHED", "DELETING", "DEAD"],
  PENDING: ["ESTABLISHED", "DELETING", "DEAD"],
  ESTABLISHED: ["REKEYING", "REKEYED", "DELETING", "DEAD"],
  REKEYING: ["ESTABLISHED", "REKEYED", "DELETING", "DEAD"],
  REKEYED: ["DELETING", "DEAD"],
  DELETING: ["DEAD"],
  DEAD: [],
};
