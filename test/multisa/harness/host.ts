/** One end: a group, the workers whose entries it keeps, and as much of IKE as a group can see of it. */
import { childSaId, cpuIndex, type ChildSaId, type CpuIndex } from "../../../src/ipsec/names.ts";
import { DEFAULT_GROUP_TIMING, type GroupConfig } from "../../../src/multisa/config.ts";
import type { GroupAction, GroupEvent, RefusalReason } from "../../../src/multisa/events.ts";
import { ChildSaGroup } from "../../../src/multisa/group.ts";
import type { GroupNotify, Purpose } from "../../../src/multisa/notifies.ts";
import { WorkerEntries } from "./worker-entries.ts";

export type Request =
  | {
      readonly kind: "create";
      readonly purpose: "first" | "additional";
      readonly spi: ChildSaId;
      readonly cpu: CpuIndex;
      readonly notifies: readonly GroupNotify[];
    }
  | { readonly kind: "rekey"; readonly spi: ChildSaId; readonly of: ChildSaId; readonly notifies: readonly GroupNotify[] }
  | { readonly kind: "delete"; readonly spi: ChildSaId };

export type Response =
  | { readonly kind: "created"; readonly spi: ChildSaId; readonly notifies: readonly GroupNotify[] }
  | { readonly kind: "error"; readonly why: RefusalReason }
  | { readonly kind: "deleted" };

/** A Child SA that stands here; `peerSpi` is its name at the other end. */
export interface StandingSa {
  readonly id: ChildSaId;
  readonly peerSpi: ChildSaId;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  isRekeying: boolean;
}

export interface HostOptions extends Partial<GroupConfig> {
  /** As an old implementation: the answer to every Child SA but the first. */
  readonly refusesAll?: RefusalReason;
  /** The workers apply entries only when they are told to; else at once, as if they were always between two bursts. */
  readonly lazyWorkers?: boolean;
  /** Default: nothing but zeros, so that of CPUs with equal load the first is chosen. */
  readonly random?: (octets: number) => Uint8Array;
}

export const cpus = (count: number): CpuIndex[] => Array.from({ length: count }, (_, index) => cpuIndex(index));

export class Host {
  readonly name: string;
  readonly config: GroupConfig;
  readonly group: ChildSaGroup;
  readonly entries: WorkerEntries;
  readonly sas = new Map<ChildSaId, StandingSa>();
  /** Everything that was reported, and every CPU that a creation was asked for. */
  readonly reports: string[] = [];
  readonly creates: { readonly cpu: CpuIndex; readonly at: number }[] = [];
  readonly errors: RefusalReason[] = [];
  now = 0;
  /** Acquires on their way from the workers to control. */
  readonly acquires: CpuIndex[] = [];
  readonly #options: HostOptions;
  readonly #send: (request: Request, done: (response: Response) => void) => void;
  /** Names of SAs that the peer deleted before its answer that made them had come. */
  readonly #deletedEarly = new Set<ChildSaId>();
  #lastId: number;

  constructor(name: string, firstId: number, options: HostOptions, send: (request: Request, done: (response: Response) => void) => void) {
    this.name = name;
    this.#lastId = firstId - 1;
    this.#options = options;
    this.#send = send;
    this.config = {
      perCpuSas: true,
      scheme: "rfc9611",
      onMissingSa: "resteer",
      cpus: cpus(2),
      maxSas: undefined,
      maxCpuRatio: 16,
      timing: DEFAULT_GROUP_TIMING,
      ...options,
    };
    this.group = new ChildSaGroup(this.config, options.random ?? ((octets) => new Uint8Array(octets)));
    this.entries = new WorkerEntries((cpu) => this.acquires.push(cpu));
  }

  /** A packet on a CPU, and its ACQUIRE goes to control at once. */
  packet(cpu: number): ReturnType<WorkerEntries["packet"]> {
    this.#applyUnlessLazy();
    const fate = this.entries.packet(cpuIndex(cpu));
    this.takeAcquires();
    return fate;
  }

  takeAcquires(): void {
    for (const cpu of this.acquires.splice(0)) this.handle({ kind: "acquire", cpu });
  }

  handle(event: GroupEvent): void {
    this.#carryOut(this.group.handle(event, this.now));
  }

  advanceTo(now: number): void {
    this.now = now;
    this.#carryOut(this.group.handleTimeout(now));
  }

  /** What `start_action: start` does: the first Child SA, without a packet. */
  initiate(cpu: number): void {
    this.#create(cpuIndex(cpu));
  }

  rekey(id: ChildSaId): void {
    const old = this.sas.get(id);
    if (old === undefined || old.isRekeying) return;
    old.isRekeying = true;
    const cpu = this.group.cpuForRekey(id);
    const shared = this.group.isShared(id);
    const spi = this.#newId();
    this.#send({ kind: "rekey", spi, of: old.peerSpi, notifies: this.group.requestNotifies("rekey", cpu) }, (response) => {
      old.isRekeying = false;
      if (response.kind !== "created") return;
      this.#stand({ id: spi, peerSpi: response.spi, cpu, shared, isRekeying: false });
      const established = { kind: "established", sa: spi, cpu, shared, role: "initiator", first: false, confirmed: true } as const;
      this.handle({ ...established, peerNotifies: response.notifies, rekeyOf: id });
      this.#buryIfDeletedEarly(spi);
      this.close(id, "local");
    });
  }

  /** Deletes a Child SA from this end. */
  close(id: ChildSaId, by: "local" | "expired"): void {
    const sa = this.sas.get(id);
    if (sa === undefined) return;
    this.sas.delete(id);
    this.handle({ kind: "deleted", sa: id, by });
    this.#send({ kind: "delete", spi: sa.peerSpi }, () => undefined);
  }

  /** The peer's request; `answer` is called once, `confirm` when the peer has the answer. */
  answer(request: Request): { readonly response: Response; readonly confirm: () => void } {
    switch (request.kind) {
      case "create":
        return this.#answerCreate(request.spi, request.purpose, request.notifies);
      case "rekey":
        return this.#answerRekey(request.spi, request.of, request.notifies);
      case "delete":
        return { response: this.#answerDelete(request.spi), confirm: () => undefined };
    }
  }

  describe(): string[] {
    return this.entries.describe(this.config.cpus.length);
  }

  #answerCreate(peerSpi: ChildSaId, purpose: Purpose, notifies: readonly GroupNotify[]): { response: Response; confirm: () => void } {
    const { refusesAll } = this.#options;
    if (refusesAll !== undefined && this.sas.size > 0) return { response: { kind: "error", why: refusesAll }, confirm: () => undefined };
    const admission = this.group.admit(notifies);
    if (!admission.accept) return { response: { kind: "error", why: admission.refusal }, confirm: () => undefined };
    const { cpu, shared } = admission;
    const isFirst = this.group.isEmpty;
    return this.#made(peerSpi, cpu, shared, isFirst ? "first" : "additional", notifies, undefined, purpose === "first");
  }

  #answerRekey(peerSpi: ChildSaId, of: ChildSaId, notifies: readonly GroupNotify[]): { response: Response; confirm: () => void } {
    const old = this.sas.get(of);
    // RFC 7296 §2.25.1; a collision of two rekeys is resolved in the simplest way that is allowed.
    if (old === undefined || old.isRekeying) return { response: { kind: "error", why: "TEMPORARY_FAILURE" }, confirm: () => undefined };
    return this.#made(peerSpi, this.group.cpuForRekey(of), this.group.isShared(of), "rekey", notifies, of, false);
  }

  #made(
    peerSpi: ChildSaId,
    cpu: CpuIndex,
    shared: boolean,
    purpose: Purpose,
    notifies: readonly GroupNotify[],
    rekeyOf: ChildSaId | undefined,
    first: boolean,
  ): { response: Response; confirm: () => void } {
    const id = this.#newId();
    this.#stand({ id, peerSpi, cpu, shared, isRekeying: false });
    this.handle({ kind: "established", sa: id, cpu, shared, role: "responder", first, confirmed: false, peerNotifies: notifies, rekeyOf });
    return {
      response: { kind: "created", spi: id, notifies: this.group.answerNotifies(purpose, cpu, notifies) },
      confirm: () => this.handle({ kind: "confirmed", sa: id }),
    };
  }

  #answerDelete(id: ChildSaId): Response {
    if (this.sas.delete(id)) this.handle({ kind: "deleted", sa: id, by: "peer" });
    else this.#deletedEarly.add(id);
    return { kind: "deleted" };
  }

  #create(cpu: CpuIndex): void {
    const purpose = this.group.isEmpty ? "first" : "additional";
    const shared = purpose === "first" && this.group.isFirstShared;
    const spi = this.#newId();
    this.creates.push({ cpu, at: this.now });
    this.#send({ kind: "create", purpose, spi, cpu, notifies: this.group.requestNotifies(purpose, cpu) }, (response) => {
      if (response.kind === "error") {
        this.errors.push(response.why);
        return this.handle({ kind: "refused", cpu, why: response.why });
      }
      if (response.kind !== "created") return;
      this.#stand({ id: spi, peerSpi: response.spi, cpu, shared, isRekeying: false });
      const established = { kind: "established", sa: spi, cpu, shared, role: "initiator", confirmed: true } as const;
      this.handle({ ...established, first: purpose === "first", peerNotifies: response.notifies });
      this.#buryIfDeletedEarly(spi);
    });
  }

  #stand(sa: StandingSa): void {
    this.sas.set(sa.id, sa);
  }

  #buryIfDeletedEarly(id: ChildSaId): void {
    if (this.#deletedEarly.delete(id) && this.sas.delete(id)) this.handle({ kind: "deleted", sa: id, by: "peer" });
  }

  #carryOut(actions: readonly GroupAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "setEntry":
          this.entries.send(action.cpu, action.entry);
          break;
        case "create":
          this.#create(action.cpu);
          break;
        case "delete":
          this.close(action.sa, "local");
          break;
        case "rekey":
          this.rekey(action.sa);
          break;
        case "report":
          this.reports.push(action.text);
          break;
      }
    }
    this.#applyUnlessLazy();
  }

  #applyUnlessLazy(): void {
    if (this.#options.lazyWorkers !== true) this.entries.applyAll();
  }

  #newId(): ChildSaId {
    return childSaId(++this.#lastId);
  }
}
