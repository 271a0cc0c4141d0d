/** From an agreement to a Child SA in the data plane and in its group: the last step of every exchange that makes one. */
import { wipe } from "../crypto/ike-keys.ts";
import type { CpuIndex, EspSpi } from "../ipsec/names.ts";
import { planLifetimes } from "../ipsec/lifetimes.ts";
import { selectorSetKey } from "../ipsec/selectors.ts";
import type { Purpose } from "../multisa/notifies.ts";
import type { Payload } from "../wire/payload.ts";
import { formatTrafficSelector } from "../wire/traffic-selector.ts";
import { deriveChildKeys, espAlgorithmOf, type ChildKeyInputs } from "./child-keys.ts";
import type { AgreedChild } from "./child-offer.ts";
import { makeRoomForGroup } from "./child-room.ts";
import { ChildSa, type ChildSaKeymat, type ChildSaParameters } from "./child-sa.ts";
import type { ChildConfig } from "./config.ts";
import { PeerMisbehaved } from "./errors.ts";
import { espPathOf } from "./esp-path.ts";
import type { GroupBinding } from "./group-binding.ts";
import type { IkeSa } from "./ike-sa.ts";
import { keyExchangeOf } from "./proposals.ts";

export interface ChildInstallation {
  readonly config: ChildConfig;
  readonly agreed: AgreedChild;
  readonly keyInputs: ChildKeyInputs;
  readonly spiIn: EspSpi;
  readonly cpu: CpuIndex;
  readonly shared: boolean;
  /** The group that the SA was asked for. When its selectors turn out to be those of another group of this IKE SA, it joins that one. */
  readonly group: GroupBinding;
  readonly purpose: Purpose;
  readonly rekeyOf: ChildSa | undefined;
  /** Whatever notifies the peer sent: the group finds its own. */
  readonly peerPayloads: readonly Payload[];
  /** For a responder: the message ID of the request, until whose answer is delivered the outbound half is better not used. */
  readonly awaitDelivery: number | undefined;
}

/** What the keys could be computed from is forgotten, also when it fails (RFC 7296 §2.12). */
export function installChild(ikeSa: IkeSa, plan: ChildInstallation, now: number): ChildSa {
  const { sharedSecret } = plan.keyInputs;
  try {
    return install(ikeSa, plan, now);
  } finally {
    if (sharedSecret !== undefined) wipe(sharedSecret);
  }
}

function install(ikeSa: IkeSa, plan: ChildInstallation, now: number): ChildSa {
  const { services, keys } = ikeSa;
  const { config, agreed, keyInputs } = plan;
  const { cipher, esn } = espAlgorithmOf(agreed.chosen.transforms);
  const group = groupFor(ikeSa, plan, now);
  const keymat = deriveChildKeys(keys, cipher, keyInputs);
  const parameters: ChildSaParameters = {
    id: services.newChildSaId(),
    config,
    policyId: group.policyId,
    cpu: plan.cpu,
    shared: plan.shared,
    spiIn: plan.spiIn,
    spiOut: agreed.spiOut,
    cipher,
    esn,
    mode: agreed.mode,
    keyExchange: keyExchangeOf(agreed.chosen),
    localTs: agreed.localTs,
    remoteTs: agreed.remoteTs,
    role: keyInputs.role,
    createdAt: now,
  };
  const lifetimes = planLifetimes({ ...config, esn, shared: plan.shared }, services.random(), now);
  const child = new ChildSa(parameters, group, lifetimes, services.outputs);
  ikeSa.children.set(child.id, child);
  logKeys(ikeSa, parameters, keymat);
  group.openPolicy();
  child.install(keymat, espPathOf(ikeSa));
  group.join(child, { ...plan, role: keyInputs.role, isConfirmed: child.isConfirmed }, now);
  if (plan.awaitDelivery !== undefined) ikeSa.confirmOnDelivery(plan.awaitDelivery, child, now);
  announce(ikeSa, child);
  ikeSa.owner.childSaUp(ikeSa, child);
  return child;
}

function groupFor(ikeSa: IkeSa, { config, group, agreed, purpose }: ChildInstallation, now: number): GroupBinding {
  const agreedKey = selectorSetKey(agreed.localTs, agreed.remoteTs);
  // RFC 9611 §3: additional Child SAs have the selectors of the first, exactly.
  if (purpose === "additional" && group.key !== agreedKey) throw new PeerMisbehaved("it narrowed the selectors of an additional Child SA");
  // §2.8: a rekeyed Child SA should have the selectors of the old one; that of a peer which narrows them belongs to the old one's group still.
  const key = (purpose === "rekey" ? group.key : undefined) ?? agreedKey;
  // Both ends may have asked for the first SA of the same selectors at once, or the group have been over when this was on its way.
  const known = ikeSa.groups.get(key);
  const { localTs, remoteTs, mode, chosen } = agreed;
  if (known === undefined ? purpose !== "rekey" : known.isEmpty) (known ?? group).bind({ localTs, remoteTs }, mode, chosen.transforms);
  if (known !== undefined) return known;
  makeRoomForGroup(ikeSa, config, now);
  ikeSa.groups.set(key, group);
  return group;
}

function announce(ikeSa: IkeSa, child: ChildSa): void {
  const { cipher, esn, mode, localTs, remoteTs, shared } = child.parameters;
  ikeSa.services.outputs.event({
    kind: "childUp",
    sa: ikeSa.childRef(child),
    cipher,
    esn,
    mode,
    localTs: localTs.map(formatTrafficSelector),
    remoteTs: remoteTs.map(formatTrafficSelector),
    shared,
  });
}

function logKeys({ services, addresses }: IkeSa, { spiIn, spiOut, cipher, esn }: ChildSaParameters, keymat: ChildSaKeymat): void {
  const { local, remote } = addresses;
  services.onKeys?.({ kind: "esp", source: remote, destination: local, spi: spiIn, cipher, esn, keymat: keymat.inbound });
  services.onKeys?.({ kind: "esp", source: local, destination: remote, spi: spiOut, cipher, esn, keymat: keymat.outbound });
}
