/**
 * The Child SAs of one selector set with one peer (RFC 9611 §3): which there are, which CPU sends on which, and which are still to be asked for. A pure
 * state machine: events in, actions out. All that it does to the data plane is to say what each CPU's outbound entry should be; that is worked
 * out anew from the members after each event, and what changed is sent.
 */
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import { Agreement } from "./agreement.ts";
import { Asking, scopeOfRefusal } from "./asking.ts";
import type { GroupConfig } from "./config.ts";
import { planEntries, type CpuSituation } from "./entries.ts";
import { EntryTable } from "./entry-table.ts";
import type { Established, GroupAction, GroupEvent, GroupMode, RefusalReason } from "./events.ts";
import { Members, type Member } from "./members.ts";
import type { GroupNotify, Purpose, RefusalNotify } from "./notifies.ts";
import type { GroupView } from "./view.ts";

export type Admission =
  | { readonly accept: true; readonly cpu: CpuIndex; readonly shared: boolean }
  | { readonly accept: false; readonly refusal: RefusalNotify; readonly text: string };

export class ChildSaGroup {
  readonly #config: GroupConfig;
  readonly #agreement: Agreement;
  readonly #members = new Members();
  readonly #asking: Asking;
  readonly #entries = new EntryTable();
  /** Those that send, and get SAs. */
  readonly #cpus: Set<CpuIndex>;
  /** Those with a SAD to keep in order: a CPU that was taken away may still have SAs, and packets on their way to it. */
  readonly #known: Set<CpuIndex>;
  /** Where to begin among CPUs of equal load: at random, or the first CPU would get the first SA of every group. */
  readonly #firstChoice: number;

  /** @param random as many unpredictable octets as asked for */
  constructor(config: GroupConfig, random: (octets: number) => Uint8Array) {
    if (config.cpus.length === 0) throw new RangeError("a group needs at least one CPU");
    const word = (): number => random(2).reduce((value, octet) => value * 256 + octet, 0);
    this.#config = config;
    this.#agreement = new Agreement(config, random);
    this.#asking = new Asking(config.timing, () => word() / 65536);
    this.#cpus = new Set(config.cpus);
    this.#known = new Set(config.cpus);
    this.#firstChoice = word() % config.cpus.length;
  }

  get mode(): GroupMode {
    return (this.isEmpty ? undefined : this.#agreement.decision?.mode) ?? "undecided";
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Whether a first Child SA of this group is for every CPU to send on. */
  get isFirstShared(): boolean {
    return this.#agreement.isFirstShared;
  }

  /** Cap on the members. */
  get limit(): number {
    return this.#agreement.limit(this.#cpus.size);
  }

  handle(event: GroupEvent, now: number): GroupAction[] {
    this.#asking.expire(now);
    const further = this.#take(event, now);
    // Entries first: what is deleted then is in use no more.
    return [...this.#settle(), ...further];
  }

  /** Milliseconds, in the clock of `now`. */
  nextTimeout(): number | undefined {
    return this.#asking.nextTimeout();
  }

  handleTimeout(now: number): GroupAction[] {
    this.#asking.expire(now);
    return this.#settle();
  }

  requestNotifies(purpose: Purpose, cpu: CpuIndex): readonly GroupNotify[] {
    return this.#agreement.requestNotifies(purpose, cpu);
  }

  /** May be asked before or after the "established" of the SA that is being answered. */
  answerNotifies(purpose: Purpose, cpu: CpuIndex, request: readonly GroupNotify[]): readonly GroupNotify[] {
    return this.#agreement.answerNotifies(purpose, this.isEmpty, cpu, request);
  }

  /** May a Child SA that the peer asks for be made, and for which CPU? Changes nothing. Rekeys need not ask: they make none the more. */
  admit(request: readonly GroupNotify[]): Admission {
    const cpu = this.#leastLoadedCpu();
    const { limit } = this;
    const { scheme, isPerCpu } = this.#agreement;
    // A further SA may overtake the first one: it is no Fallback SA.
    if (this.isEmpty) return { accept: true, cpu, shared: this.isFirstShared && (!scheme.hasFallbackSa || !scheme.isDescribed(request)) };
    if (this.#members.size >= limit) {
      return {
        accept: false,
        refusal: this.refusalOf(request) ?? "TS_UNACCEPTABLE",
        text: `there are ${this.#members.size} Child SAs for these selectors, the limit is ${limit}`,
      };
    }
    // Both ends made a Fallback SA at once.
    const shared = scheme.hasFallbackSa && isPerCpu && scheme.isOffered(request);
    return { accept: true, cpu, shared };
  }

  /** How the peer is told that a further member is one too many; undefined: it knows of no such words. */
  refusalOf(request: readonly GroupNotify[]): RefusalNotify | undefined {
    const { scheme, isPerCpu } = this.#agreement;
    return isPerCpu || request.length > 0 ? scheme.refusal : undefined;
  }

  /** A Child SA keeps its CPU when it is rekeyed, unless that CPU is not there any more. */
  cpuForRekey(sa: ChildSaId): CpuIndex {
    const cpu = this.#members.get(sa)?.cpu;
    return cpu !== undefined && this.#cpus.has(cpu) ? cpu : this.#leastLoadedCpu();
  }

  isShared(sa: ChildSaId): boolean {
    return this.#members.get(sa)?.shared ?? false;
  }

  view(): GroupView {
    const { decision, scheme } = this.#agreement;
    return {
      scheme: scheme.name,
      mode: this.mode,
      reason: !this.isEmpty && decision?.mode === "single" ? decision.reason : undefined,
      members: this.#members.list().map(({ sa, cpu, shared, role, confirmed }) => ({ sa, cpu, shared, role, confirmed })),
      limit: this.limit,
      cpus: [...this.#known].map((cpu) => ({
        cpu,
        entry: this.#entries.get(cpu),
        why: this.#whyNotOwn(cpu),
        silentUntil: this.#members.ownOf(cpu) === undefined ? this.#asking.silentUntil(cpu, this.isEmpty) : undefined,
      })),
    };
  }

  /** Carries out the event; returns what is to be done after the entries have changed. */
  #take(event: GroupEvent, now: number): GroupAction[] {
    switch (event.kind) {
      case "acquire":
        this.#acquire(event.cpu);
        return [];
      case "established":
        return this.#established(event);
      case "confirmed":
        this.#members.confirm(event.sa);
        return this.#evacuate();
      case "refused":
        return this.#refused(event.cpu, event.why, now);
      case "noAdditionalSas":
        this.#asking.refusedByIkeSa(now);
        return [];
      case "idle":
        return this.#idle(event.sa);
      case "deleted":
        return this.#deleted(event.sa);
      case "cpuAdded":
        this.#cpus.add(event.cpu);
        this.#known.add(event.cpu);
        return [];
      case "cpuRemoved":
        return this.#cpuRemoved(event.cpu);
      case "ikeSaGone":
        this.#members.clear();
        this.#asking.reset();
        this.#agreement.forget();
        return [];
    }
  }

  /** Only a packet makes a CPU ask. Nobody does because an SA was deleted: two peers would go on for ever. */
  #acquire(cpu: CpuIndex): void {
    this.#entries.acquired(cpu);
    if (this.#hasRoom && this.#mayAsk(cpu)) this.#asking.ask(cpu);
  }

  #established(event: Established): GroupAction[] {
    const { sa, cpu, shared, role, first, confirmed, rekeyOf } = event;
    if (this.#members.get(sa) !== undefined) return [];
    const isNewMode = this.#agreement.learn(event, this.isEmpty);
    const predecessor = rekeyOf === undefined ? undefined : this.#members.get(rekeyOf);
    this.#known.add(cpu);
    this.#members.add({ sa, cpu, shared, role, confirmed, predecessor });
    // A first one may also have been begun by the connection itself, while a further one for this CPU is still under way.
    const isAskedFor = role === "initiator" && rekeyOf === undefined && this.#asking.isPending(cpu, first ? "first" : "additional");
    if (isAskedFor || !shared) this.#asking.served(cpu, isAskedFor);
    return [...(isNewMode ? [this.#reportMode()] : []), ...this.#evacuate()];
  }

  #refused(cpu: CpuIndex, why: RefusalReason, now: number): GroupAction[] {
    // The peer's no counts whoever asked: a first SA of the connection's own may have been taken for the answer to the group's request.
    if (this.isEmpty) {
      this.#asking.refusedFirst(cpu, why, now);
      return [{ kind: "report", about: "refused", text: `there is no Child SA for these selectors (${why})` }];
    }
    const isNews = this.#asking.refusedWhy !== why;
    this.#asking.refused(cpu, why, now);
    if (!isNews || scopeOfRefusal(why) === "moment") return [];
    const count = this.#members.size;
    const text = `the peer takes no more Child SAs for these selectors (${why}): ${count} ${count === 1 ? "carries" : "carry"} what all CPUs send`;
    return [{ kind: "report", about: "refused", text }];
  }

  /** Any member but the last may go, and the Fallback SA only when there is another one (draft §3). */
  #idle(sa: ChildSaId): GroupAction[] {
    const member = this.#members.get(sa);
    if (member === undefined || !this.#isSpare(member, () => true)) return [];
    return [this.#close(member, "idle")];
  }

  #deleted(sa: ChildSaId): GroupAction[] {
    const member = this.#members.remove(sa);
    if (member === undefined || this.#members.hasRelative(member)) return [];
    this.#asking.liftRefusal();
    const { scheme, isPerCpu } = this.#agreement;
    if (!member.shared || !scheme.hasFallbackSa || !isPerCpu || this.isEmpty || this.#members.shared !== undefined) return [];
    return [{ kind: "report", about: "degraded", text: "the Fallback SA is gone while others live: CPUs without an own SA re-steer" }];
  }

  #cpuRemoved(cpu: CpuIndex): GroupAction[] {
    if (!this.#cpus.has(cpu) || this.#cpus.size === 1) return [];
    this.#cpus.delete(cpu);
    this.#asking.forget(cpu);
    return this.#evacuate();
  }

  /**
   * Clears CPUs that are not there any more: what others can take over is closed; what cannot be spared moves, as its successor gets another CPU
   * ({@link cpuForRekey}). What the peer may not have yet has to wait for that.
   */
  #evacuate(): GroupAction[] {
    if (this.#known.size === this.#cpus.size) return [];
    const actions: GroupAction[] = [];
    for (const member of this.#members.list()) {
      if (this.#cpus.has(member.cpu) || member.closing || !member.confirmed) continue;
      if (this.#isSpare(member, ({ cpu }) => this.#cpus.has(cpu))) {
        actions.push(this.#close(member, "its CPU is not used any more"));
      } else if (!member.moving && !this.#members.hasRelative(member)) {
        this.#members.move(member.sa);
        actions.push({ kind: "rekey", sa: member.sa });
      }
    }
    return actions;
  }

  /** It can be closed: the peer has it, and another one that it has as well can take its place. */
  #isSpare(member: Member, isGood: (other: Member) => boolean): boolean {
    if (member.closing || !member.confirmed) return false;
    const needsShared = member.shared && this.#agreement.scheme.hasFallbackSa;
    return this.#members.hasOther(member, (other) => isGood(other) && (!needsShared || other.shared));
  }

  #close({ sa }: Member, why: string): GroupAction {
    this.#members.close(sa);
    return { kind: "delete", sa, why };
  }

  /** Brings all entries up to date, and sends what may be sent of what is asked for. */
  #settle(): GroupAction[] {
    const hasRoom = this.#hasRoom;
    if (!hasRoom) this.#asking.giveUpWaiting();
    const situations = [...this.#known].map((cpu) => this.#situationOf(cpu, hasRoom));
    const actions: GroupAction[] = [];
    for (const [cpu, entry] of planEntries(situations, this.#members)) {
      if (this.#entries.put(cpu, entry)) actions.push({ kind: "setEntry", cpu, entry });
    }
    for (;;) {
      const cpu = this.#asking.takeTurn(this.#room, this.isEmpty ? "first" : "additional");
      if (cpu === undefined) return actions;
      actions.push({ kind: "create", cpu });
    }
  }

  #situationOf(cpu: CpuIndex, hasRoom: boolean): CpuSituation {
    const { onMissingSa } = this.#config;
    const mayAsk = hasRoom && this.#mayAsk(cpu);
    const isAsking = this.#asking.isAsking(cpu);
    // A CPU that may wait in vain sends by another way meanwhile.
    const mayWait = this.#cpus.has(cpu) && (mayAsk || isAsking) && !this.#asking.metRefusal;
    const waitsForOwn = (onMissingSa === "hold" || onMissingSa === "drop") && mayWait;
    return { cpu, mayAsk, isAsking, waitsForOwn, current: this.#entries.get(cpu) };
  }

  /** Provided that there is room. */
  #mayAsk(cpu: CpuIndex): boolean {
    return this.#cpus.has(cpu) && this.#members.ownOf(cpu) === undefined && this.#asking.mayAsk(cpu, this.isEmpty);
  }

  /** An empty group is begun again by any packet; with one CPU, one SA is enough. */
  get #hasRoom(): boolean {
    return this.#room > 0 && (this.isEmpty || (this.#agreement.isPerCpu && this.#cpus.size > 1));
  }

  /** How many more may be asked for. The first is asked for alone: its answer tells whether there will be others. */
  get #room(): number {
    return (this.isEmpty ? 1 : this.limit - this.#members.size) - this.#asking.pendingCount;
  }

  /** Of those with the fewest SAs (what is being asked for counts), one that waits for its turn, else the next in turn. */
  #leastLoadedCpu(): CpuIndex {
    const cpus = [...this.#cpus];
    const rotated = [...cpus.slice(this.#firstChoice), ...cpus.slice(0, this.#firstChoice)];
    const weight = (cpu: CpuIndex): number =>
      2 * (this.#members.loadOf(cpu) + (this.#asking.isPending(cpu) ? 1 : 0)) + (this.#asking.isWaiting(cpu) ? 0 : 1);
    return rotated.reduce((best, cpu) => (weight(cpu) < weight(best) ? cpu : best));
  }

  #reportMode(): GroupAction {
    const { decision, scheme } = this.#agreement;
    const text =
      decision?.mode === "single"
        ? `one Child SA for all CPUs: ${decision.reason}`
        : `a Child SA for each CPU by the scheme ${scheme.name}`;
    return { kind: "report", about: "mode", text };
  }

  #whyNotOwn(cpu: CpuIndex): string | undefined {
    const { decision } = this.#agreement;
    const { refusedWhy } = this.#asking;
    if (this.#members.ownOf(cpu) !== undefined) return undefined;
    if (!this.#cpus.has(cpu)) return "this CPU is not used any more";
    if (this.#asking.isPending(cpu)) return "asked for";
    if (this.#asking.isWaiting(cpu)) return "waits for its turn to ask";
    if (this.isEmpty) return "no Child SA yet";
    if (decision?.mode === "single") return decision.reason;
    if (this.#cpus.size === 1) return "the SA for all CPUs is enough for one";
    if (refusedWhy !== undefined) return `the peer takes no more for now (${refusedWhy})`;
    if (this.#asking.isBackingOff(cpu)) return "the peer could not just then; may ask again soon";
    if (this.#room <= 0) return `limit of ${this.limit} Child SAs reached`;
    return "no packet has asked for one yet";
  }
}
