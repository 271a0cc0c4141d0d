/** The wire between two ends: datagrams come in any order, get lost or come twice, by a seed. */
import type { ChildSaId } from "../../../src/ipsec/names.ts";
import type { RefusalReason } from "../../../src/multisa/events.ts";
import type { GroupNotify, Purpose } from "../../../src/multisa/notifies.ts";
import type { Random } from "../../ike/harness/random.ts";

export type Side = "left" | "right";

export const otherSide = (side: Side): Side => (side === "left" ? "right" : "left");

export interface CreateRequest {
  readonly kind: "create";
  readonly purpose: Purpose;
  /** The sender's half of the new SA. */
  readonly sa: ChildSaId;
  /** The sender's half of the SA to be succeeded. */
  readonly rekeyOf: ChildSaId | undefined;
  readonly notifies: readonly GroupNotify[];
  /** Of two exchanges that rekey one SA, that with the lower one yields (RFC 7296 §2.8.1). */
  readonly nonce: number;
}

export interface DeleteRequest {
  readonly kind: "delete";
  readonly sa: ChildSaId;
}

export type Request = CreateRequest | DeleteRequest;

export type Response =
  | { readonly kind: "created"; readonly sa: ChildSaId; readonly notifies: readonly GroupNotify[] }
  | { readonly kind: "refused"; readonly why: RefusalReason | "CHILD_SA_NOT_FOUND" }
  | { readonly kind: "deleted" };

/** `id`: message ID among the requests of its side. */
export type Datagram =
  | { readonly to: Side; readonly id: number; readonly request: Request }
  | { readonly to: Side; readonly id: number; readonly response: Response };

export interface Conditions {
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: boolean;
}

export const PERFECT: Conditions = { loss: 0, duplication: 0, reordering: false };
export const BAD: Conditions = { loss: 0.3, duplication: 0.2, reordering: true };

export class Network {
  readonly #random: Random;
  readonly #inFlight: Datagram[] = [];
  conditions: Conditions;

  constructor(random: Random, conditions: Conditions) {
    this.#random = random;
    this.conditions = conditions;
  }

  get isQuiet(): boolean {
    return this.#inFlight.length === 0;
  }

  send(datagram: Datagram): void {
    this.#inFlight.push(datagram);
  }

  /** The next datagram to arrive; undefined when it was lost, or there is none. */
  next(): Datagram | undefined {
    const { loss, duplication, reordering } = this.conditions;
    const index = reordering ? this.#random.below(this.#inFlight.length) : 0;
    const [datagram] = this.#inFlight.splice(index, 1);
    if (datagram === undefined || this.#random.chance(loss)) return undefined;
    if (this.#random.chance(duplication)) this.#inFlight.push(datagram);
    return datagram;
  }

  clear(): void {
    this.#inFlight.length = 0;
  }
}
