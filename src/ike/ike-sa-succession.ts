/** One IKE SA taking the place of another (RFC 7296 §2.8, §2.18), whichever end asked for it. */
import type { IkeSpi } from "../wire/ike-header.ts";
import type { IkeSaKeys } from "./ike-sa-keys.ts";
import { IkeSa } from "./ike-sa.ts";
import { NO_CONFIGURATION } from "./negotiated-configuration.ts";

export interface SuccessorParameters {
  /** By who asked for the rekey, whoever was the initiator of the old IKE SA (§2.18). */
  readonly isOriginalInitiator: boolean;
  readonly ownSpi: IkeSpi;
  readonly peerSpi: IkeSpi;
  readonly keys: IkeSaKeys;
}

/** The new IKE SA, known to the endpoint, with fresh message IDs and a window of one (§2.18), not yet in possession of anything. */
export function successorOf(old: IkeSa, { isOriginalInitiator, ownSpi, peerSpi, keys }: SuccessorParameters, now: number): IkeSa {
  const { addresses, services, owner } = old;
  const successor = new IkeSa(
    {
      isOriginalInitiator,
      ownSpi,
      peerSpi,
      state: { kind: "PENDING", predecessor: old },
      addresses,
      firstMessageId: 0,
      peersFirstMessageId: 0,
      createdAt: now,
    },
    services,
    owner,
  );
  successor.config = old.config;
  successor.peers = old.peers;
  successor.nat = old.nat;
  successor.mobike = old.mobike?.successor();
  successor.fragmentation = old.fragmentation;
  successor.establishedAt = old.establishedAt;
  successor.useKeys(keys);
  owner.ikeSaMade(successor, now);
  return successor;
}

/** `successor` has everything from now on. The state of `old` is for the caller to change: it depends on who is to close it. */
export function takeOver(old: IkeSa, successor: IkeSa, now: number): void {
  successor.transition({ kind: "ESTABLISHED" }, "rekeyed");
  successor.inheritFrom(old, now);
  // §3.15.1: virtual addresses are valid as long as the IKE SA or its successors.
  [successor.configuration, old.configuration] = [old.configuration, NO_CONFIGURATION];
  for (const timer of old.timers.splice(0)) timer.cancel();
  successor.owner.ikeSaReplaced(old, successor, now);
}
