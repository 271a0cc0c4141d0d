/** The initiator's half of negotiating a Child SA, whichever exchange carries it: IKE_AUTH or CREATE_CHILD_SA (RFC 7296 §1.2, §1.3, §2.9). */
import type { CpuIndex, EspSpi } from "../ipsec/names.ts";
import type { SaMode } from "../ipsec/sadb.ts";
import { contains, narrow } from "../ipsec/selectors.ts";
import type { Payload } from "../wire/payload.ts";
import type { Proposal } from "../wire/proposal.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { ChildSa } from "./child-sa.ts";
import type { ChildConfig } from "./config.ts";
import { PeerMisbehaved } from "./errors.ts";
import { espSpiOctets } from "./esp-spi.ts";
import type { GroupBinding } from "./group-binding.ts";
import { acceptChoice, requireEspSpi, withSpi, withoutKeyExchange, type ChosenProposal } from "./proposals.ts";
import { required } from "./required.ts";
import { requireHosts, requireMode, transportNotify } from "./transport-mode.ts";
import type { Services } from "./services.ts";

/** Why a Child SA is asked for. */
export type ChildPurpose =
  /** The first of its selectors on this IKE SA. */
  | { readonly kind: "first" }
  /** One more of the group, for a CPU. */
  | { readonly kind: "additional" }
  | { readonly kind: "rekey"; readonly old: ChildSa };

export interface ChildPlan {
  readonly config: ChildConfig;
  readonly group: GroupBinding;
  readonly purpose: ChildPurpose;
  readonly cpu: CpuIndex;
  /** Whether every CPU may send on it; else only its own. */
  readonly shared: boolean;
  readonly mode: SaMode;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

/** For a Child SA that a group asks for: the first if it is empty again, else one more; with the selectors that the others have. */
export function planForGroup(group: GroupBinding, cpu: CpuIndex): ChildPlan {
  const isFirst = group.isEmpty;
  const shared = isFirst && group.isFirstShared;
  return {
    config: group.config,
    group,
    purpose: { kind: isFirst ? "first" : "additional" },
    cpu,
    shared,
    mode: isFirst ? group.config.mode : group.mode,
    ...group.selectors,
  };
}

/** What both ends want, as far as the initiator can see it in the answer. */
export interface AgreedChild {
  readonly chosen: ChosenProposal;
  /** The peer's inbound SPI. */
  readonly spiOut: EspSpi;
  readonly mode: SaMode;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
}

export class ChildOffer {
  readonly plan: ChildPlan;
  readonly spiIn: EspSpi;
  readonly #services: Services;
  readonly #proposals: readonly Proposal[];
  #isReserved = true;

  /** Takes an inbound SPI, which {@link release} gives back. `inIkeAuth`: the keys come from IKE_SA_INIT, so there is no KE to negotiate. */
  constructor(plan: ChildPlan, services: Services, inIkeAuth: boolean) {
    this.plan = plan;
    this.#services = services;
    this.spiIn = services.reserveEspSpi(plan.cpu);
    const espProposals = plan.purpose.kind === "additional" ? plan.group.proposalsForMore : plan.config.espProposals;
    this.#proposals = withSpi(inIkeAuth ? withoutKeyExchange(espProposals) : espProposals, espSpiOctets(this.spiIn));
  }

  /** [N(USE_TRANSPORT_MODE),] SA. */
  get saPayloads(): Payload[] {
    return [...transportNotify(this.plan.mode), { type: "SA", proposals: this.#proposals }];
  }

  /** TSi is ours: we are the initiator of this exchange, if not of the IKE SA. */
  get tsPayloads(): Payload[] {
    return [
      { type: "TSi", selectors: this.plan.localTs },
      { type: "TSr", selectors: this.plan.remoteTs },
    ];
  }

  /**
   * Checks the answer against the offer. Throws PeerMisbehaved, and NoAgreement about the mode.
   *
   * @param inForce what has become of our side of the offer, if it asked for an address: the answer goes no further
   */
  read(payloads: readonly Payload[], inForce = this.plan.localTs): AgreedChild {
    const chosen = acceptChoice(this.#proposals, required(payloads, "SA").proposals);
    const spiOut = requireEspSpi(chosen);
    const answered = narrowed(this.plan.localTs, required(payloads, "TSi").selectors);
    const localTs = inForce === this.plan.localTs ? answered : narrow(inForce, answered);
    if (localTs.length === 0) throw new PeerMisbehaved("it has given us no address that its traffic selectors are for");
    const remoteTs = narrowed(this.plan.remoteTs, required(payloads, "TSr").selectors);
    const mode = requireMode(this.plan.mode, payloads);
    if (mode === "transport") requireHosts(localTs, remoteTs);
    return { chosen, spiOut, mode, localTs, remoteTs };
  }

  /** The SPI now belongs to a Child SA. */
  keepSpi(): EspSpi {
    this.#isReserved = false;
    return this.spiIn;
  }

  /** Nothing came of it. */
  release(): void {
    if (this.#isReserved) this.#services.releaseEspSpi(this.spiIn);
    this.#isReserved = false;
  }
}

/** §2.9: the responder may narrow, and nothing else. */
function narrowed(offered: readonly TrafficSelector[], answered: readonly TrafficSelector[]): readonly TrafficSelector[] {
  if (answered.length === 0) throw new PeerMisbehaved("its answer has no traffic selector that is known here");
  for (const selector of answered) {
    if (!offered.some((ours) => contains(ours, selector)))
      throw new PeerMisbehaved("its answer has traffic selectors wider than those offered");
  }
  return answered;
}
