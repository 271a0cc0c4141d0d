/** What the two ends say to each other about a group, what they came to, and what follows from it for the number of its members. */
import type { CpuIndex } from "../ipsec/names.ts";
import type { GroupConfig } from "./config.ts";
import type { Established } from "./events.ts";
import { isFirstShared, memberLimit } from "./member-limit.ts";
import type { GroupNotify, Purpose } from "./notifies.ts";
import type { Decision, Scheme } from "./scheme.ts";
import { schemeNamed } from "./schemes/index.ts";

/** Octets of a resource identifier. Random, so that it tells the peer nothing about the hardware (RFC 9611 §7). */
const IDENTIFIER_LENGTH = 8;

export class Agreement {
  readonly scheme: Scheme;
  readonly #config: GroupConfig;
  readonly #random: (octets: number) => Uint8Array;
  /** One for each CPU: so an SA keeps its identifier when it is rekeyed. */
  readonly #identifiers = new Map<CpuIndex, Uint8Array>();
  #decision: Decision | undefined;

  constructor(config: GroupConfig, random: (octets: number) => Uint8Array) {
    this.scheme = schemeNamed(config.scheme);
    this.#config = config;
    this.#random = random;
  }

  /** Undefined until the first Child SA. Outlives the last one, for those that are still on their way. */
  get decision(): Decision | undefined {
    return this.#decision;
  }

  get isPerCpu(): boolean {
    return this.#decision?.mode === "per-cpu";
  }

  get isFirstShared(): boolean {
    return isFirstShared(this.#config);
  }

  /** Cap on the members of the group, for `cpus` CPUs here. */
  limit(cpus: number): number {
    const agreed = this.#decision?.mode === "per-cpu" ? (this.#decision.count ?? 0) : 0;
    return memberLimit(this.#config, cpus, agreed);
  }

  requestNotifies(purpose: Purpose, cpu: CpuIndex): readonly GroupNotify[] {
    switch (purpose) {
      case "first":
        return this.#isWanted ? this.scheme.offer(this.#config, this.#identifierOf(cpu)) : [];
      case "additional":
        return this.isPerCpu ? this.scheme.describe(this.#identifierOf(cpu)) : [];
      case "rekey":
        return this.isPerCpu && this.scheme.describesRekeys ? this.scheme.describe(this.#identifierOf(cpu)) : [];
    }
  }

  /** Says nothing that the request did not say: a peer that knows nothing of the scheme gets a plain answer. */
  answerNotifies(purpose: Purpose, isEmpty: boolean, cpu: CpuIndex, request: readonly GroupNotify[]): readonly GroupNotify[] {
    if (purpose === "rekey") return this.scheme.isDescribed(request) ? this.requestNotifies("rekey", cpu) : [];
    // Before the Child SA has become a member, the decision that it will bring.
    const decision = (isEmpty && purpose === "first" ? undefined : this.#decision) ?? this.#decide("responder", request);
    if (decision.mode !== "per-cpu") return [];
    const isFirst = this.scheme.isOffered(request) && (purpose === "first" || !this.scheme.isDescribed(request));
    if (isFirst) return this.scheme.offer(this.#config, this.#identifierOf(cpu));
    return this.scheme.isDescribed(request) ? this.scheme.describe(this.#identifierOf(cpu)) : [];
  }

  /**
   * Takes in what the exchange of a Child SA tells about the peer. Where both ends made a first one at once and the two exchanges came to
   * different results, "single" holds: each end sees both of them, so both come to the same.
   *
   * @returns whether the decision is new or another one
   */
  learn({ role, first, peerNotifies, rekeyOf }: Established, isEmpty: boolean): boolean {
    if (rekeyOf !== undefined && this.#decision !== undefined) return false;
    if (!first && this.#decision !== undefined) return false;
    const fresh = this.#decide(role, peerNotifies);
    if (this.#decision === undefined || isEmpty) {
      this.#decision = fresh;
      return true;
    }
    // To a peer that offers, this end has answered by the decision that stands (see answerNotifies).
    const agrees = fresh.mode === "per-cpu" || (role === "responder" && this.scheme.isOffered(peerNotifies));
    if (this.#decision.mode === "single") return false;
    if (!agrees) {
      this.#decision = fresh;
      return true;
    }
    if (fresh.mode === "per-cpu") this.#decision = { mode: "per-cpu", count: largerCount(this.#decision.count, fresh.count) };
    return false;
  }

  forget(): void {
    this.#decision = undefined;
  }

  get #isWanted(): boolean {
    return this.#config.perCpuSas && this.#config.maxSas !== 1;
  }

  #decide(role: "initiator" | "responder", peer: readonly GroupNotify[]): Decision {
    if (!this.#config.perCpuSas) return { mode: "single", reason: "per_cpu_sas is off" };
    if (!this.#isWanted) return { mode: "single", reason: "max_sas is 1" };
    return this.scheme.decide(this.#config, role, peer);
  }

  #identifierOf(cpu: CpuIndex): Uint8Array {
    let identifier = this.#identifiers.get(cpu);
    if (identifier === undefined) this.#identifiers.set(cpu, (identifier = this.#random(IDENTIFIER_LENGTH)));
    return identifier;
  }
}

const largerCount = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
