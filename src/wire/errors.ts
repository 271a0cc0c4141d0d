/** The two ways in which input can be wrong here: octets from the network, and text from an operator. */

/** Short machine names of what is wrong with a message; used as counter labels, so they are stable. */
export type MalformedReason =
  | "truncated"
  | "trailing-octets"
  | "bad-length"
  | "bad-version"
  | "bad-count"
  | "bad-spi-size"
  | "bad-nonce-length"
  | "bad-proposal"
  | "bad-transform"
  | "bad-selector"
  | "bad-fragment"
  | "bad-notify-data"
  | "too-many-payloads"
  | "encrypted-not-last";

/** Octets that no conforming peer sends. The IKE layer decides whether INVALID_SYNTAX may be answered (RFC 7296 §2.21). */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, detail: string) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
  }
}

/** Text (an address, a selector, hexadecimal) that cannot be read. The message is a sentence for the person who wrote the text. */
export class InvalidText extends Error {
  override readonly name = "InvalidText";
}
