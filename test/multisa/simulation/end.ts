/** One end: a real ChildSaGroup, and around it what src/ike and the workers do, reduced to what a group notices of them. */
import assert from "node:assert/strict";
import { childSaId, type ChildSaId, type CpuIndex } from "../../../src/ipsec/names.ts";
import type { GroupConfig } from "../../../src/multisa/config.ts";
import type { GroupAction, GroupEvent, RefusalReason } from "../../../src/multisa/events.ts";
import { ChildSaGroup } from "../../../src/multisa/group.ts";
import type { GroupNotify, Purpose } from "../../../src/multisa/notifies.ts";
import type { Random } from "../../ike/harness/random.ts";
import { AskingRules } from "./asking-rules.ts";
import { seededOctets } from "../harness/build.ts";
import { otherSide, type CreateRequest, type DeleteRequest, type Network, type Request, type Response, type Side } from "./network.ts";
import { Workers, type Fate } from "./workers.ts";

export interface Sa {
  readonly id: ChildSaId;
  /** The other end's half. */
  readonly peerId: ChildSaId;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  confirmed: boolean;
  state: "live" | "closing";
  /** Our rekey of it is under way. */
  isRekeying: boolean;
  /** Made by the peer's rekey of it. */
  successorNonce: number | undefined;
}

interface Outstanding {
  readonly request: Request;
  readonly answered: (response: Response) => void;
}

export interface EndContext {
  readonly network: Network;
  readonly random: Random;
  readonly now: () => number;
  readonly newId: () => number;
}

/** Requests that may be outstanding at once (RFC 7296 §2.3). */
const WINDOW = 8;

export class End {
  readonly side: Side;
  readonly config: GroupConfig;
  readonly group: ChildSaGroup;
  readonly workers: Workers;
  readonly sas = new Map<ChildSaId, Sa>();
  readonly rules: AskingRules;
  readonly reports: string[] = [];
  /** The CPUs that are in use. */
  readonly used: Set<CpuIndex>;
  /** How likely it is that this end answers TEMPORARY_FAILURE. */
  temporaryFailures = 0;
  readonly #context: EndContext;
  readonly #queue: (() => void)[] = [];
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #answers = new Map<number, Response>();
  #messageId = 0;

  /** `allCpus`: those that there may ever be. */
  constructor(side: Side, config: GroupConfig, allCpus: readonly CpuIndex[], context: EndContext) {
    this.side = side;
    this.config = config;
    this.used = new Set(config.cpus);
    this.group = new ChildSaGroup(config, seededOctets(context.random.below(2 ** 32)));
    this.workers = new Workers(allCpus);
    this.rules = new AskingRules(side, config.timing);
    this.#context = context;
  }

  get isWaiting(): boolean {
    return this.#outstanding.size > 0;
  }

  /** Live SAs in the order of their coming. */
  get live(): Sa[] {
    return [...this.sas.values()].filter(({ state }) => state === "live");
  }

  /** The connection's own first Child SA, for this CPU. */
  initiate(cpu: CpuIndex): void {
    this.#create(cpu, "first", this.group.isFirstShared, () => undefined);
  }

  send(cpu: CpuIndex): Fate {
    return this.workers.send(cpu, (asking) => {
      this.rules.acquired(asking);
      this.#tell({ kind: "acquire", cpu: asking });
    });
  }

  confirm(sa: Sa): void {
    sa.confirmed = true;
    this.#tell({ kind: "confirmed", sa: sa.id });
  }

  idle(sa: Sa): void {
    this.#tell({ kind: "idle", sa: sa.id });
  }

  addCpu(cpu: CpuIndex): void {
    this.used.add(cpu);
    this.#tell({ kind: "cpuAdded", cpu });
  }

  removeCpu(cpu: CpuIndex): void {
    this.used.delete(cpu);
    this.#tell({ kind: "cpuRemoved", cpu });
  }

  noAdditionalSas(): void {
    this.rules.refusedByIkeSa(this.#context.now());
    this.#tell({ kind: "noAdditionalSas" });
  }

  tick(): void {
    this.#perform(this.group.handleTimeout(this.#context.now()));
  }

  close(sa: Sa): void {
    if (sa.state === "closing") return;
    sa.state = "closing";
    this.rules.memberGone(sa.id);
    this.#tell({ kind: "deleted", sa: sa.id, by: "local" });
    this.#request(
      () => ({ kind: "delete", sa: sa.id }),
      () => this.#forget(sa),
    );
  }

  rekey(sa: Sa): void {
    if (sa.state === "closing" || sa.isRekeying || sa.successorNonce !== undefined) return;
    sa.isRekeying = true;
    const nonce = this.#context.random.next();
    const cpu = this.group.cpuForRekey(sa.id);
    this.#create(cpu, "rekey", sa.shared, () => (sa.isRekeying = false), { sa, nonce });
  }

  /** The IKE SA is gone, with everything. */
  destroy(): void {
    this.#queue.length = 0;
    this.#outstanding.clear();
    this.#answers.clear();
    this.#messageId = 0;
    this.rules.reset();
    this.#tell({ kind: "ikeSaGone" });
    for (const sa of [...this.sas.values()]) this.#forget(sa);
  }

  retransmit(): void {
    for (const [id, { request }] of this.#outstanding) this.#context.network.send({ to: otherSide(this.side), id, request });
  }

  handleRequest(id: number, request: Request): void {
    const response = this.#answers.get(id) ?? (request.kind === "create" ? this.#answerCreate(request) : this.#answerDelete(request));
    this.#answers.set(id, response);
    this.#context.network.send({ to: otherSide(this.side), id, response });
  }

  handleResponse(id: number, response: Response): void {
    const outstanding = this.#outstanding.get(id);
    if (outstanding === undefined) return;
    this.#outstanding.delete(id);
    outstanding.answered(response);
    this.#pump();
  }

  /** Nothing new on a CPU that is not in use. */
  #checkCpu(cpu: CpuIndex): void {
    assert.ok(this.used.has(cpu), `${this.side}: CPU ${cpu} is not in use`);
  }

  #create(cpu: CpuIndex, purpose: Purpose, shared: boolean, failed: (why: RefusalReason) => void, rekey?: { sa: Sa; nonce: number }): void {
    this.#checkCpu(cpu);
    const id = childSaId(this.#context.newId());
    this.#request(
      () => ({
        kind: "create",
        purpose,
        sa: id,
        rekeyOf: rekey?.sa.id,
        notifies: this.group.requestNotifies(purpose, cpu),
        nonce: rekey?.nonce ?? 0,
      }),
      (response) => {
        if (response.kind === "created") {
          this.#install({ id, peerId: response.sa, cpu, shared, confirmed: true }, "initiator", purpose, response.notifies, rekey?.sa.id);
          if (rekey !== undefined) this.#finishRekey(rekey.sa, rekey.nonce, id);
          return;
        }
        assert.equal(response.kind, "refused");
        if (response.why === "CHILD_SA_NOT_FOUND") {
          if (rekey !== undefined && rekey.sa.state === "live") this.#leave(rekey.sa);
          return;
        }
        failed(response.why);
      },
    );
  }

  #finishRekey(old: Sa, nonce: number, successor: ChildSaId): void {
    old.isRekeying = false;
    const { successorNonce } = old;
    const sa = this.sas.get(successor);
    if (successorNonce !== undefined && nonce < successorNonce) {
      if (sa !== undefined) this.close(sa);
    } else if (this.sas.get(old.id)?.state === "live") this.close(old);
  }

  #answerCreate({ purpose, sa: peerId, rekeyOf, notifies, nonce }: CreateRequest): Response {
    if (this.#context.random.chance(this.temporaryFailures)) return { kind: "refused", why: "TEMPORARY_FAILURE" };
    const id = childSaId(this.#context.newId());
    if (purpose === "rekey") {
      const old = [...this.sas.values()].find((sa) => sa.peerId === rekeyOf);
      if (old === undefined) return { kind: "refused", why: "CHILD_SA_NOT_FOUND" };
      if (old.state === "closing" || old.successorNonce !== undefined) return { kind: "refused", why: "TEMPORARY_FAILURE" };
      old.successorNonce = nonce;
      const cpu = this.group.cpuForRekey(old.id);
      this.#checkCpu(cpu);
      this.#install({ id, peerId, cpu, shared: old.shared, confirmed: false }, "responder", "rekey", notifies, old.id);
      return { kind: "created", sa: id, notifies: this.group.answerNotifies("rekey", cpu, notifies) };
    }
    const admission = this.group.admit(notifies);
    if (!admission.accept) return { kind: "refused", why: admission.refusal };
    const { cpu, shared } = admission;
    this.#checkCpu(cpu);
    const ours = this.group.isEmpty ? "first" : "additional";
    // Either order is allowed (ChildSaGroup.answerNotifies).
    const answersFirst = this.#context.random.chance(0.5);
    const before = this.group.answerNotifies(ours, cpu, notifies);
    this.#install({ id, peerId, cpu, shared, confirmed: false }, "responder", ours, notifies, undefined);
    const after = this.group.answerNotifies(ours, cpu, notifies);
    assert.deepEqual(after, before, `${this.side}: the answer depends on when it is asked for`);
    return { kind: "created", sa: id, notifies: answersFirst ? before : after };
  }

  #answerDelete({ sa: peerId }: DeleteRequest): Response {
    const sa = [...this.sas.values()].find((each) => each.peerId === peerId);
    if (sa?.state === "live") this.#leave(sa);
    return { kind: "deleted" };
  }

  #leave(sa: Sa): void {
    this.rules.memberGone(sa.id);
    this.#tell({ kind: "deleted", sa: sa.id, by: "peer" });
    this.#forget(sa);
  }

  #install(
    details: Pick<Sa, "id" | "peerId" | "cpu" | "shared" | "confirmed">,
    role: "initiator" | "responder",
    purpose: Purpose,
    peerNotifies: readonly GroupNotify[],
    rekeyOf: ChildSaId | undefined,
  ): void {
    const { id, cpu, shared, confirmed } = details;
    this.sas.set(id, { ...details, state: "live", isRekeying: false, successorNonce: undefined });
    this.workers.addOutbound(id, cpu, shared);
    this.rules.memberCame(id, cpu, role === "initiator" && purpose !== "rekey", rekeyOf);
    this.#tell({ kind: "established", sa: id, cpu, shared, role, first: purpose === "first", confirmed, peerNotifies, rekeyOf });
  }

  #forget(sa: Sa): void {
    if (this.sas.delete(sa.id)) this.workers.removeOutbound(sa.id);
  }

  #tell(event: GroupEvent): void {
    this.#perform(this.group.handle(event, this.#context.now()));
  }

  #perform(actions: readonly GroupAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "create":
          this.#createFor(action.cpu);
          break;
        case "setEntry":
          this.workers.get(action.cpu).post({ kind: "setEntry", entry: action.entry });
          break;
        case "delete": {
          const sa = this.sas.get(action.sa);
          assert.ok(sa?.confirmed === true, `${this.side}: Delete of SA ${action.sa}, which the peer may not have yet`);
          this.close(sa);
          break;
        }
        case "rekey": {
          const sa = this.sas.get(action.sa);
          if (sa !== undefined) this.rekey(sa);
          break;
        }
        case "report":
          this.reports.push(`${action.about}: ${action.text}`);
      }
    }
  }

  #createFor(cpu: CpuIndex): void {
    const purpose = this.group.isEmpty ? "first" : "additional";
    this.rules.creating(cpu, this.#context.now(), this.group.isEmpty);
    this.#create(cpu, purpose, purpose === "first" && this.group.isFirstShared, (why) => {
      this.rules.refused(cpu, why, this.#context.now(), this.group.isEmpty);
      this.#tell({ kind: "refused", cpu, why });
    });
  }

  /** `begin` makes the request when there is room in the window. */
  #request(begin: () => Request, answered: (response: Response) => void): void {
    this.#queue.push(() => {
      const id = this.#messageId++;
      const request = begin();
      this.#outstanding.set(id, { request, answered });
      this.#context.network.send({ to: otherSide(this.side), id, request });
    });
    this.#pump();
  }

  #pump(): void {
    while (this.#outstanding.size < WINDOW) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
  }
}
