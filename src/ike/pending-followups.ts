/**
 * CREATE_CHILD_SA exchanges of the peer that are answered, and whose additional key exchanges are to come in IKE_FOLLOWUP_KE (RFC 9370 §2.2.4).
 * The peer names each by the link that our answer gave it. How many there are, and for how long, is bounded.
 */
import type { Entropy } from "../crypto/entropy.ts";
import { wipe } from "../crypto/ike-keys.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { toHex } from "../wire/octets.ts";
import type { Request } from "./answer.ts";
import { NoAgreement } from "./errors.ts";
import type { Timer, TimerQueue } from "./timers.ts";

export interface Followup {
  readonly concerns: "child" | "ike";
  /** The methods, in their order. */
  readonly methods: readonly number[];
  /** SK(0), of CREATE_CHILD_SA itself; undefined without PFS. Wiped along with the others. */
  readonly sharedSecret: Uint8Array | undefined;
  /** All are done. `secrets` are wiped after it. May throw what notifyForError() knows an answer for. Gives what is to be done after the answer. */
  readonly complete: (secrets: readonly Uint8Array[], request: Request, now: number) => ((now: number) => void) | undefined;
  /** Nothing comes of it. */
  readonly abandon: (now: number) => void;
}

interface Pending {
  readonly followup: Followup;
  readonly secrets: Uint8Array[];
  readonly timer: Timer;
}

const LINK_LENGTH = 8;

/** Milliseconds from one exchange to the next. */
const PATIENCE = 30_000;

export class PendingFollowups {
  readonly #pending = new Map<string, Pending>();
  readonly #timers: TimerQueue;
  readonly #entropy: Entropy;
  readonly #capacity: number;

  constructor(timers: TimerQueue, entropy: Entropy, capacity: number) {
    this.#timers = timers;
    this.#entropy = entropy;
    this.#capacity = capacity;
  }

  has(concerns: Followup["concerns"]): boolean {
    return [...this.#pending.values()].some(({ followup }) => followup.concerns === concerns);
  }

  /** @throws NoAgreement TEMPORARY_FAILURE, before anything is reserved for one that there would be no room for */
  requireRoom(): void {
    if (this.#pending.size >= this.#capacity)
      throw new NoAgreement(NotifyType.TEMPORARY_FAILURE, "too many exchanges wait for their IKE_FOLLOWUP_KE");
  }

  /** Gives the link. */
  add(followup: Followup, now: number): Uint8Array {
    const link = this.#entropy.bytes(LINK_LENGTH);
    this.#wait(toHex(link), { followup, secrets: [] }, now);
    return link;
  }

  /** @throws NoAgreement STATE_NOT_FOUND */
  methodOf(link: Uint8Array): number {
    const { followup, secrets } = this.#find(link);
    const method = followup.methods[secrets.length];
    if (method === undefined) throw notFound();
    return method;
  }

  /** One more secret. Gives undefined if others are to follow, else what {@link Followup.complete} gives. */
  advance(
    link: Uint8Array,
    secret: Uint8Array,
    request: Request,
    now: number,
  ): { readonly then: ((now: number) => void) | undefined } | undefined {
    const { followup, secrets } = this.#find(link);
    secrets.push(secret);
    this.#remove(toHex(link));
    if (secrets.length < followup.methods.length) {
      this.#wait(toHex(link), { followup, secrets }, now);
      return undefined;
    }
    try {
      return { then: followup.complete(secrets, request, now) };
    } finally {
      wipe(...secretsOf({ followup, secrets }));
    }
  }

  /** By who has set it up: it has become pointless. */
  drop(followup: Followup, now: number): void {
    for (const [key, pending] of this.#pending) if (pending.followup === followup) this.#abandon(key, pending, now);
  }

  clear(now: number): void {
    for (const [key, pending] of this.#pending) this.#abandon(key, pending, now);
  }

  #wait(key: string, pending: Omit<Pending, "timer">, now: number): void {
    const timer = this.#timers.schedule(now + PATIENCE, "followup", (at) => {
      const late = this.#pending.get(key);
      if (late !== undefined) this.#abandon(key, late, at);
    });
    this.#pending.set(key, { ...pending, timer });
  }

  #abandon(key: string, pending: Pending, now: number): void {
    this.#remove(key);
    wipe(...secretsOf(pending));
    pending.followup.abandon(now);
  }

  #remove(key: string): void {
    this.#pending.get(key)?.timer.cancel();
    this.#pending.delete(key);
  }

  #find(link: Uint8Array): Pending {
    const pending = this.#pending.get(toHex(link));
    if (pending === undefined) throw notFound();
    return pending;
  }
}

const secretsOf = ({ followup: { sharedSecret }, secrets }: Omit<Pending, "timer">): Uint8Array[] =>
  sharedSecret === undefined ? secrets : [sharedSecret, ...secrets];

const notFound = (): NoAgreement =>
  new NoAgreement(NotifyType.STATE_NOT_FOUND, "IKE_FOLLOWUP_KE belongs to no exchange that is known here");
