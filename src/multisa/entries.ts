/** What each CPU's outbound entry should be: a pure function of the members and of who may ask. */
import type { CpuIndex } from "../ipsec/names.ts";
import type { OutboundEntry } from "../ipsec/sadb.ts";
import type { Member, Members } from "./members.ts";

export interface CpuSituation {
  readonly cpu: CpuIndex;
  /** The next packet here should raise an ACQUIRE, as long as there is no own SA. */
  readonly mayAsk: boolean;
  /** Its ACQUIRE is being worked on. */
  readonly isAsking: boolean;
  /** Until its own SA is there, its packets are held or dropped rather than sent by another way. */
  readonly waitsForOwn: boolean;
  /** The entry that it has now. */
  readonly current: OutboundEntry;
}

interface Stub {
  readonly situation: CpuSituation;
  readonly ask: boolean;
}

/**
 * A CPU's own SA, else the SA for every CPU, else a stub that names a CPU with an own SA, else none. What the peer may not have yet is used only where
 * there is nothing better.
 */
export function planEntries(situations: readonly CpuSituation[], members: Members): Map<CpuIndex, OutboundEntry> {
  const { shared } = members;
  const ownMembers = situations.flatMap(({ cpu }) => members.ownOf(cpu) ?? []);
  const isTrusted = trustAmong(shared === undefined ? ownMembers : [...ownMembers, shared]);
  const owners = ownMembers.filter(isTrusted);
  const plan = new Map<CpuIndex, OutboundEntry>();
  const stubs: Stub[] = [];
  for (const situation of situations) {
    const { cpu, waitsForOwn } = situation;
    const own = members.ownOf(cpu);
    // With an own SA that the peer will soon confirm, there is nothing to ask for.
    const ask = situation.mayAsk && own === undefined;
    if (own !== undefined && (isTrusted(own) || waitsForOwn)) plan.set(cpu, { kind: "own", sa: own.sa });
    else if (waitsForOwn) plan.set(cpu, { kind: "none", ask });
    else if (shared !== undefined && isTrusted(shared)) plan.set(cpu, { kind: "shared", sa: shared.sa, ask });
    else if (owners.length > 0) stubs.push({ situation, ask });
    else plan.set(cpu, { kind: "none", ask });
  }
  distribute(stubs, owners, plan);
  return plan;
}

/** Whether the peer has an SA, as far as is known. While none is confirmed, that is the oldest: it has had the most time to get there. */
function trustAmong(candidates: readonly Member[]): (member: Member) => boolean {
  if (candidates.some(({ confirmed }) => confirmed)) return ({ confirmed }) => confirmed;
  const oldest = Math.min(...candidates.map(({ order }) => order));
  return ({ order }) => order === oldest;
}

/**
 * Spreads stubs evenly over the owners: a CPU that seals for many others is the bottleneck that the scheme is meant to remove. A stub stays where it
 * leads to as long as that is fair, since a flow that changes its SA may be reordered; one that is soon to be replaced stays in any case.
 */
function distribute(stubs: readonly Stub[], owners: readonly Member[], plan: Map<CpuIndex, OutboundEntry>): void {
  if (owners.length === 0) return;
  const share = Math.ceil(stubs.length / owners.length);
  const byCpu = new Map(owners.map((owner) => [owner.cpu, { owner, load: 0 }]));
  const place = ({ situation, ask }: Stub, at: { readonly owner: Member; load: number }): void => {
    at.load++;
    plan.set(situation.cpu, { kind: "stub", owner: at.owner.cpu, sa: at.owner.sa, ask });
  };
  const targetOf = ({ situation: { current } }: Stub): { readonly owner: Member; load: number } | undefined =>
    current.kind === "stub" ? byCpu.get(current.owner) : undefined;
  const homeless: Stub[] = [];
  const isFixed = (stub: Stub): boolean => stub.situation.isAsking && targetOf(stub) !== undefined;
  for (const stub of [...stubs.filter(isFixed), ...stubs.filter((stub) => !isFixed(stub))]) {
    const target = targetOf(stub);
    if (target !== undefined && (target.load < share || isFixed(stub))) place(stub, target);
    else homeless.push(stub);
  }
  const places = [...byCpu.values()];
  let at = 0;
  for (const stub of homeless) {
    while (at < places.length - 1 && (places[at]?.load ?? 0) >= share) at++;
    const target = places[at];
    if (target !== undefined) place(stub, target);
  }
}
