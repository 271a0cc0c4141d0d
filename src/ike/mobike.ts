/** What MOBIKE knows of one IKE SA (RFC 4555): who decides about its addresses, and which other addresses both ends have. */

export class Mobike {
  /** In the first of a row of rekeyed IKE SAs. The initiator decides which pair of addresses is used; the responder follows (§1.3). */
  readonly role: "initiator" | "responder";
  /** The peer's addresses beside the one in use, by its last word (§3.4, §3.6). */
  peerAddresses: readonly string[];
  /** Our own ones, as the peer was last told. */
  announced: readonly string[];
  /** Our UPDATE_SA_ADDRESSES waits for its turn; whatever was answered before it is of no more interest (§3.5). */
  isUpdatePending = false;
  /** Our UPDATE_SA_ADDRESSES is not answered yet. */
  isUpdating = false;
  /** The peer has not proved yet that it is at its new address: ESP still goes to the old one. */
  isChecking = false;
  /** Message ID of the newest UPDATE_SA_ADDRESSES of the peer: with a window, an older one may come later (§3.5). */
  newestUpdate = -1;
  /** Pairs of addresses by which the peer could not be reached since it last answered. */
  readonly failedPaths = new Set<string>();

  constructor(role: Mobike["role"], peerAddresses: readonly string[], announced: readonly string[]) {
    this.role = role;
    this.peerAddresses = peerAddresses;
    this.announced = announced;
  }

  /** The peer has told new addresses on this IKE SA. */
  get hasMoved(): boolean {
    return this.newestUpdate >= 0;
  }

  /** For the IKE SA that takes the place of this one, whoever asked for that: its message IDs begin anew. */
  successor(): Mobike {
    const successor = new Mobike(this.role, this.peerAddresses, this.announced);
    successor.isUpdatePending = this.isUpdatePending;
    successor.isUpdating = this.isUpdating;
    successor.isChecking = this.isChecking;
    return successor;
  }
}
