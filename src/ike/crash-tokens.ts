/**
 * Quick crash detection (RFC 6290): each end gives the other a token for the IKE SA under its protection. An end that has lost the IKE SA can
 * make the token again and say it in the clear; then the other need not wait until its requests have run into the void.
 */
import { constantTimeEqual } from "../crypto/auth.ts";
import { makeQcdToken } from "../crypto/qcd-token.ts";
import { NotifyType } from "../wire/iana/index.ts";
import { ikeSpiOctets, type IkeHeader, type IkeSpi } from "../wire/ike-header.ts";
import { findNotifies, findNotify, isQcdToken, qcdToken } from "../wire/notify.ts";
import type { NotifyPayload, Payload } from "../wire/payload.ts";
import type { IkeSa } from "./ike-sa.ts";

/** Tokens of one unprotected message that are looked at: a peer in a cluster may say several (§4.5). */
const MAX_TOKENS = 8;

/** Ours for an IKE SA with these SPIs, if we make any: `maker` is our role in it. */
export function tokenFor(
  secret: Uint8Array | undefined,
  maker: "initiator" | "responder",
  { initiatorSpi, responderSpi }: { readonly initiatorSpi: IkeSpi; readonly responderSpi: IkeSpi },
): NotifyPayload[] {
  return secret === undefined ? [] : [qcdToken(makeQcdToken(secret, maker, ikeSpiOctets(initiatorSpi), ikeSpiOctets(responderSpi)))];
}

export function ownToken(ikeSa: IkeSa): NotifyPayload[] {
  return tokenFor(ikeSa.services.qcdSecret, ikeSa.isOriginalInitiator ? "initiator" : "responder", ikeSa);
}

/** Goes with INVALID_IKE_SPI (§4.5). The caller has made sure that no IKE SA of ours has these SPIs (§9.2). */
export function tokenForUnknown(secret: Uint8Array | undefined, header: IkeHeader): NotifyPayload[] {
  return tokenFor(secret, header.isInitiator ? "responder" : "initiator", header);
}

/** The peer's, of a message under protection: undefined if there is none, or none that can be one. */
export function peersToken(payloads: readonly Payload[]): Uint8Array | undefined {
  const payload = findNotify(payloads, NotifyType.QUICK_CRASH_DETECTION);
  return payload !== undefined && isQcdToken(payload) ? payload.data.slice() : undefined;
}

/** Keeps the peer's token; a newer one takes the place of an older (§4.4). */
export function notePeersToken(ikeSa: IkeSa, payloads: readonly Payload[]): void {
  ikeSa.peersToken = peersToken(payloads) ?? ikeSa.peersToken;
}

/** Whether an unprotected message comes from the peer itself, which has lost this IKE SA. */
export function provesCrash({ peersToken: token }: IkeSa, payloads: readonly Payload[]): boolean {
  if (token === undefined) return false;
  const tokens = findNotifies(payloads, NotifyType.QUICK_CRASH_DETECTION).slice(0, MAX_TOKENS);
  return tokens.some(({ data }) => constantTimeEqual(data, token));
}
