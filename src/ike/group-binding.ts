/**
 * A Child SA group (src/multisa) bound to the world: its actions become SADB messages and exchanges, the peer's notifies become its events. It
 * owns the group's SPD entry, which exists while the group has members.
 */
import type { ChildSaId, CpuIndex, PolicyId } from "../ipsec/names.ts";
import type { OutboundEntry, SaMode } from "../ipsec/sadb.ts";
import { formatConfiguredSelector } from "../ipsec/dynamic-selectors.ts";
import { selectorSetKey } from "../ipsec/selectors.ts";
import { DEFAULT_GROUP_TIMING } from "../multisa/config.ts";
import type { GroupAction, RefusalReason } from "../multisa/events.ts";
import { ChildSaGroup } from "../multisa/group.ts";
import type { Purpose } from "../multisa/notifies.ts";
import { NotifyType } from "../wire/iana/index.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import type { Proposal, Transform } from "../wire/proposal.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildSa, Membership } from "./child-sa.ts";
import type { ChildConfig } from "./config.ts";
import { BrokenInvariant, NoAgreement } from "./errors.ts";
import { encodeGroupNotify, groupNotifiesOf } from "./group-notifies.ts";
import { groupPriority } from "./policy-priority.ts";
import { madeOf } from "./proposals.ts";
import type { Services } from "./services.ts";
import type { GroupStatus } from "./status.ts";
import type { Timer } from "./timers.ts";

/** What a group asks of the IKE SA that it is on. */
export interface GroupOwner {
  createChildSa(group: GroupBinding, cpu: CpuIndex, now: number): void;
  rekeyChildSa(child: ChildSa, now: number): void;
  deleteChildSa(child: ChildSa, why: string, now: number): void;
}

export interface GroupSelectors {
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

/** How a Child SA came to be, for its group. */
export interface Joining {
  readonly purpose: Purpose;
  readonly role: "initiator" | "responder";
  readonly peerPayloads: readonly Payload[];
  readonly rekeyOf: ChildSa | undefined;
  readonly isConfirmed: boolean;
}

export class GroupBinding implements Membership {
  /** The IKE SA that it is on; another one after a rekey. */
  owner: GroupOwner;
  readonly config: ChildConfig;
  readonly connectionName: string;
  readonly policyId: PolicyId;
  readonly #services: Services;
  readonly #group: ChildSaGroup;
  readonly #members = new Map<ChildSaId, ChildSa>();
  #selectors: GroupSelectors | undefined;
  #mode: SaMode = "tunnel";
  #transforms: readonly Transform[] = [];
  #hasPolicy = false;
  #timer: Timer | undefined;

  /** Nothing is installed before {@link openPolicy}: the selectors are not negotiated yet. */
  constructor(services: Services, owner: GroupOwner, connectionName: string, config: ChildConfig) {
    this.owner = owner;
    this.config = config;
    this.connectionName = connectionName;
    this.policyId = services.newPolicyId();
    this.#services = services;
    const { perCpuSas, scheme, onMissingSa, maxSas, maxCpuRatio } = config;
    this.#group = new ChildSaGroup(
      { perCpuSas, scheme, onMissingSa, cpus: services.cpus, maxSas, maxCpuRatio, timing: DEFAULT_GROUP_TIMING },
      (octets) => services.entropy.bytes(octets),
    );
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get isFirstShared(): boolean {
    return this.#group.isFirstShared;
  }

  /** Cap on the members. */
  get limit(): number {
    return this.#group.limit;
  }

  /** The negotiated selectors, which all members have. Throws BrokenInvariant before they are negotiated. */
  get selectors(): GroupSelectors {
    if (this.#selectors === undefined) throw new BrokenInvariant("a group is used before its selectors are negotiated");
    return this.#selectors;
  }

  /** Of all members, as it was negotiated with the first. */
  get mode(): SaMode {
    return this.#mode;
  }

  /** The negotiated selectors as one text; undefined before that. */
  get key(): string | undefined {
    return this.#selectors === undefined ? undefined : selectorSetKey(this.#selectors.localTs, this.#selectors.remoteTs);
  }

  /** Whether packets can find it. */
  get hasPolicy(): boolean {
    return this.#hasPolicy;
  }

  /** Whether packets can still ask for more of it. Without an idle timeout, a group whose members were deleted is over. */
  get isOver(): boolean {
    return this.isEmpty && !this.#hasPolicy;
  }

  /** What was negotiated with the first member, and all others have too. */
  bind(selectors: GroupSelectors, mode: SaMode, transforms: readonly Transform[]): void {
    this.#selectors = selectors;
    this.#mode = mode;
    this.#transforms = transforms;
  }

  /** What may be proposed, or chosen, for one more member (RFC 9611 §3: it has the algorithms of the first). */
  get proposalsForMore(): readonly Proposal[] {
    return madeOf(this.#transforms, this.config.espProposals);
  }

  /** Before the first SA that names the policy. */
  openPolicy(): void {
    if (this.#hasPolicy) return;
    const { localTs, remoteTs } = this.selectors;
    const name = `${this.connectionName}/${this.config.name}`;
    const priority = groupPriority(localTs, remoteTs);
    const { onMissingSa } = this.config;
    this.#services.outputs.sadb({ verb: "addPolicy", policy: { id: this.policyId, name, localTs, remoteTs, priority, onMissingSa } });
    this.#hasPolicy = true;
  }

  /** What a request for a Child SA of the group carries besides. */
  requestNotifies(purpose: Purpose, cpu: CpuIndex): NotifyPayload[] {
    const { draftNotifies } = this.#services.config;
    return this.#group.requestNotifies(purpose, cpu).map((each) => encodeGroupNotify(each, draftNotifies));
  }

  answerNotifies(purpose: Purpose, cpu: CpuIndex, request: readonly Payload[]): NotifyPayload[] {
    const { draftNotifies } = this.#services.config;
    return this.#group
      .answerNotifies(purpose, cpu, groupNotifiesOf(request, draftNotifies))
      .map((each) => encodeGroupNotify(each, draftNotifies));
  }

  /** The peer asks for one more. Throws NoAgreement with what the scheme refuses by. */
  admit(request: readonly Payload[]): { readonly cpu: CpuIndex; readonly shared: boolean } {
    const admission = this.#group.admit(groupNotifiesOf(request, this.#services.config.draftNotifies));
    if (!admission.accept) throw new NoAgreement(NotifyType[admission.refusal], admission.text);
    const { cpu, shared } = admission;
    return { cpu, shared };
  }

  /** How the peer is told that a further member is one too many (iana NotifyType); undefined: it knows of no words for that. */
  refusalOf(request: readonly Payload[]): number | undefined {
    const refusal = this.#group.refusalOf(groupNotifiesOf(request, this.#services.config.draftNotifies));
    return refusal === undefined ? undefined : NotifyType[refusal];
  }

  /** For the successor of a member. */
  seatForRekey(child: ChildSa): { readonly cpu: CpuIndex; readonly shared: boolean } {
    return { cpu: this.#group.cpuForRekey(child.id), shared: this.#group.isShared(child.id) };
  }

  join(child: ChildSa, { purpose, role, peerPayloads, rekeyOf, isConfirmed }: Joining, now: number): void {
    const { id: sa, cpu } = child;
    const { shared } = child.parameters;
    const peerNotifies = groupNotifiesOf(peerPayloads, this.#services.config.draftNotifies);
    this.#members.set(sa, child);
    const common = {
      kind: "established",
      sa,
      cpu,
      shared,
      role,
      first: purpose === "first",
      confirmed: isConfirmed,
      peerNotifies,
    } as const;
    this.#carryOut(this.#group.handle(rekeyOf === undefined ? common : { ...common, rekeyOf: rekeyOf.id }, now), now);
  }

  acquire(cpu: CpuIndex, now: number): void {
    this.#carryOut(this.#group.handle({ kind: "acquire", cpu }, now), now);
  }

  /** A Child SA that the group asked for did not come. `notifyType`: the peer's answer. */
  refused(cpu: CpuIndex, why: number | "abandoned", now: number): void {
    const reason = why === "abandoned" ? why : reasonOf(why);
    this.#carryOut(this.#group.handle({ kind: "refused", cpu, why: reason }, now), now);
  }

  /** Another group of the same IKE SA met NO_ADDITIONAL_SAS. */
  noAdditionalSas(now: number): void {
    this.#carryOut(this.#group.handle({ kind: "noAdditionalSas" }, now), now);
  }

  /** Membership */
  confirm(child: ChildSa, now: number): void {
    if (this.#members.has(child.id)) this.#carryOut(this.#group.handle({ kind: "confirmed", sa: child.id }, now), now);
  }

  /** Membership */
  idle(child: ChildSa, now: number): void {
    this.#carryOut(this.#group.handle({ kind: "idle", sa: child.id }, now), now);
  }

  /** Membership: entries lead elsewhere before the SA is removed. */
  leave(child: ChildSa, by: "local" | "peer", now: number): void {
    if (!this.#members.delete(child.id)) return;
    this.#carryOut(this.#group.handle({ kind: "deleted", sa: child.id, by }, now), now);
    // An SA that idleness has taken comes back when a packet asks; what was deleted for another reason, by a trap or on command only.
    if (this.isEmpty && this.config.idleTimeout === 0) this.#closePolicy();
  }

  /**
   * Not all CPUs have the policy. Where it is missing, packets would go by whatever policy comes next; so it goes everywhere, and its members with
   * it. No member takes over from another on the way.
   */
  policyRefused(why: string, now: number): void {
    this.#closePolicy();
    for (const child of [...this.#members.values()]) this.owner.deleteChildSa(child, why, now);
  }

  /** With all members, which their IKE SA forgets after this. */
  end(now: number): void {
    this.#members.clear();
    this.#carryOut(this.#group.handle({ kind: "ikeSaGone" }, now), now);
    this.#closePolicy();
    this.#timer?.cancel();
  }

  status(now: number): GroupStatus {
    const { scheme, mode, reason, cpus, limit } = this.#group.view();
    const { localTs, remoteTs } = this.#selectors ?? this.config;
    return {
      connection: this.connectionName,
      child: this.config.name,
      scheme,
      mode,
      reason,
      localTs: localTs.map(formatConfiguredSelector),
      remoteTs: remoteTs.map(formatConfiguredSelector),
      limit,
      members: [...this.#members.keys()],
      cpus: cpus.map(({ cpu, entry, why, silentUntil }) => ({
        cpu,
        entry: describeEntry(entry),
        sa: "sa" in entry ? entry.sa : undefined,
        why,
        asksAgainIn: silentUntil === undefined ? undefined : Math.max(0, silentUntil - now),
      })),
    };
  }

  #closePolicy(): void {
    if (!this.#hasPolicy) return;
    this.#services.outputs.sadb({ verb: "removePolicy", policyId: this.policyId });
    this.#hasPolicy = false;
  }

  #carryOut(actions: readonly GroupAction[], now: number): void {
    for (const action of actions) this.#perform(action, now);
    this.#timer?.cancel();
    const at = this.#group.nextTimeout();
    this.#timer =
      at === undefined
        ? undefined
        : this.#services.timers.schedule(at, "group", (later) => this.#carryOut(this.#group.handleTimeout(later), later));
  }

  #perform(action: GroupAction, now: number): void {
    switch (action.kind) {
      case "create": {
        this.owner.createChildSa(this, action.cpu, now);
        return;
      }
      case "setEntry": {
        const { cpu, entry } = action;
        if (!this.#hasPolicy) return;
        if ("sa" in entry) this.#members.get(entry.sa)?.provideOutbound();
        this.#services.outputs.sadb({ verb: "setEntry", policyId: this.policyId, cpu, entry });
        return;
      }
      case "delete": {
        const child = this.#members.get(action.sa);
        if (child !== undefined) this.owner.deleteChildSa(child, action.why, now);
        return;
      }
      case "rekey": {
        const child = this.#members.get(action.sa);
        if (child !== undefined) this.owner.rekeyChildSa(child, now);
        return;
      }
      case "report": {
        const { connectionName: connection, config } = this;
        const { mode } = this.#group;
        this.#services.outputs.event({ kind: "groupMode", connection, child: config.name, about: action.about, mode, text: action.text });
        return;
      }
    }
  }
}

function reasonOf(notifyType: number): RefusalReason {
  switch (notifyType) {
    case NotifyType.TS_MAX_QUEUE:
      return "TS_MAX_QUEUE";
    case NotifyType.TS_UNACCEPTABLE:
      return "TS_UNACCEPTABLE";
    case NotifyType.NO_ADDITIONAL_SAS:
      return "NO_ADDITIONAL_SAS";
    case NotifyType.NO_PROPOSAL_CHOSEN:
      return "NO_PROPOSAL_CHOSEN";
    case NotifyType.TEMPORARY_FAILURE:
      return "TEMPORARY_FAILURE";
    default:
      return "other";
  }
}

function describeEntry(entry: OutboundEntry): string {
  switch (entry.kind) {
    case "none":
      return entry.ask ? "none, asks" : "none";
    case "own":
      return "own";
    case "stub":
      return `stub to CPU ${entry.owner}${entry.ask ? ", asks" : ""}`;
    case "shared":
      return `shared${entry.ask ? ", asks" : ""}`;
  }
}
