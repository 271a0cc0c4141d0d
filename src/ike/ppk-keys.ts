/** The keys of an IKE SA that a post-quantum preshared key goes into (RFC 8784 §3), until both ends have proved that they have it. */
import { mixPpk, wipe, type IkeKeys, type PpkMixedKeys } from "../crypto/ike-keys.ts";
import type { Prf } from "../crypto/prf.ts";

export class PpkKeys {
  readonly prf: Prf;
  /** For {@link IkeSaKeys.adopt}. */
  readonly mixed: PpkMixedKeys;

  constructor(prf: Prf, keys: IkeKeys, ppk: Uint8Array) {
    this.prf = prf;
    this.mixed = mixPpk(prf, ppk, keys);
  }

  /** SK_pi or SK_pr: for the AUTH payload of that end. */
  skP(end: "initiator" | "responder"): Uint8Array {
    return end === "initiator" ? this.mixed.skPi : this.mixed.skPr;
  }

  wipe(): void {
    wipe(this.mixed.skD, this.mixed.skPi, this.mixed.skPr);
  }
}
