/** The Child SAs of one group. They are equals (RFC 9611 §3): each lives, is rekeyed and ends by itself. */
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";

export interface Member {
  readonly sa: ChildSaId;
  readonly cpu: CpuIndex;
  /** Every CPU may send on it; it counts as no CPU's own. */
  readonly shared: boolean;
  /** Of the exchange that made the first SA of its line: a rekey by the other end changes nothing about whose it is. */
  readonly role: "initiator" | "responder";
  /** Counts up; an SA and its successors by rekey have the same. */
  readonly line: number;
  /** Counts up with every member. */
  readonly order: number;
  /** The peer has it, so that it may be sent on. */
  readonly confirmed: boolean;
  /** We are about to delete it: it is not to be used, though it still counts. */
  readonly closing: boolean;
  /** We are about to rekey it onto another CPU. */
  readonly moving: boolean;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface NewMember {
  readonly sa: ChildSaId;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  readonly role: "initiator" | "responder";
  readonly confirmed: boolean;
  /** The member that it succeeds by a rekey. */
  readonly predecessor: Member | undefined;
}

export class Members {
  readonly #all = new Map<ChildSaId, Mutable<Member>>();
  readonly #byCpu = new Map<CpuIndex, Mutable<Member>[]>();
  readonly #shared: Mutable<Member>[] = [];
  #lines = 0;
  #orders = 0;

  get size(): number {
    return this.#all.size;
  }

  get(sa: ChildSaId): Member | undefined {
    return this.#all.get(sa);
  }

  /** In the order of their coming. */
  list(): Member[] {
    return [...this.#all.values()];
  }

  add({ sa, cpu, shared, role, confirmed, predecessor }: NewMember): Member {
    const member = {
      sa,
      cpu,
      shared,
      role: predecessor?.role ?? role,
      line: predecessor?.line ?? this.#lines++,
      order: this.#orders++,
      confirmed,
      closing: false,
      moving: false,
    };
    this.#all.set(sa, member);
    this.#placeOf(member).push(member);
    return member;
  }

  remove(sa: ChildSaId): Member | undefined {
    const member = this.#all.get(sa);
    if (member === undefined) return undefined;
    this.#all.delete(sa);
    const place = this.#placeOf(member);
    place.splice(place.indexOf(member), 1);
    return member;
  }

  confirm(sa: ChildSaId): void {
    const member = this.#all.get(sa);
    if (member !== undefined) member.confirmed = true;
  }

  close(sa: ChildSaId): void {
    const member = this.#all.get(sa);
    if (member !== undefined) member.closing = true;
  }

  move(sa: ChildSaId): void {
    const member = this.#all.get(sa);
    if (member !== undefined) member.moving = true;
  }

  clear(): void {
    this.#all.clear();
    this.#byCpu.clear();
    this.#shared.length = 0;
  }

  /** The SA that this CPU sends on for itself; of several, one that we asked for, and the older. */
  ownOf(cpu: CpuIndex): Member | undefined {
    return this.#best(this.#byCpu.get(cpu) ?? []);
  }

  /** The SA that every CPU may send on. */
  get shared(): Member | undefined {
    return this.#best(this.#shared);
  }

  /** How many CPUs' own SAs there are on this one, a rekey in progress counted once. */
  loadOf(cpu: CpuIndex): number {
    const own = this.#byCpu.get(cpu);
    return own === undefined || own.length === 0 ? 0 : new Set(own.filter(({ closing }) => !closing).map(({ line }) => line)).size;
  }

  /** A usable member other than this one and its line. */
  hasOther({ line }: Member, isGood: (member: Member) => boolean): boolean {
    return this.list().some((other) => other.line !== line && other.confirmed && !other.closing && isGood(other));
  }

  /** Another of its line is there: the one that it succeeds, or the one that succeeds it. */
  hasRelative(member: Member): boolean {
    return this.list().some((other) => other !== member && other.line === member.line);
  }

  #placeOf({ shared, cpu }: Member): Mutable<Member>[] {
    if (shared) return this.#shared;
    let place = this.#byCpu.get(cpu);
    if (place === undefined) this.#byCpu.set(cpu, (place = []));
    return place;
  }

  #best(candidates: readonly Member[]): Member | undefined {
    let best: Member | undefined;
    for (const member of candidates) if (!member.closing && (best === undefined || isBetter(member, best))) best = member;
    return best;
  }
}

/**
 * What is confirmed goes before what is not. Between two lines, the one that we asked for: where both ends asked for one CPU at once, each end then
 * uses its own and the two SAs carry one direction each. Within a line the newer, so that a rekey takes effect; else the older, so that nothing changes.
 */
function isBetter(a: Member, b: Member): boolean {
  if (a.confirmed !== b.confirmed) return a.confirmed;
  if (a.line === b.line) return a.order > b.order;
  if (a.role !== b.role) return a.role === "initiator";
  return a.line < b.line;
}
