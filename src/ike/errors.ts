/** What can go wrong, named by who is at fault, and the one place that knows what may be said about it on the wire. */
import { MalformedMessage } from "../wire/errors.ts";
import { NotifyType } from "../wire/iana/index.ts";

export { MalformedMessage };

/** The peer sent, authenticated, something that the protocol does not allow at this point. */
export class PeerMisbehaved extends Error {
  override readonly name = "PeerMisbehaved";
}

/** Both ends speak the protocol and want different things. `notifyType` says which thing (iana NotifyType, an error). */
export class NoAgreement extends Error {
  override readonly name = "NoAgreement";
  readonly notifyType: number;
  readonly data: Uint8Array;

  constructor(notifyType: number, detail: string, data: Uint8Array = new Uint8Array(0)) {
    super(detail);
    this.notifyType = notifyType;
    this.data = data;
  }
}

/**
 * The peer did not prove to be who it should be. The message is for the operator of this host; the peer learns nothing beyond
 * AUTHENTICATION_FAILED, so that it cannot probe for identities (RFC 7296 §2.21.2).
 */
export class AuthenticationFailed extends Error {
  override readonly name = "AuthenticationFailed";
}

/** The configuration cannot do what was asked. The message is a sentence for the operator. */
export class LocalMisconfiguration extends Error {
  override readonly name = "LocalMisconfiguration";
}

/** Our own mistake: a state that this program promises itself never to reach. */
export class BrokenInvariant extends Error {
  override readonly name = "BrokenInvariant";
}

/** For the `default` of a switch over a union that is complete. */
export function assertNever(value: never): never {
  throw new BrokenInvariant(`unexpected ${JSON.stringify(value)}`);
}

export interface ErrorNotify {
  readonly notifyType: number;
  readonly data: Uint8Array;
  /** The IKE SA cannot live on (RFC 7296 §2.21.3). */
  readonly fatal: boolean;
}

/**
 * What a responder tells a peer whose message was authenticated, for an error met while its request was carried out. Requests that are not
 * authenticated are never answered through here. A response is never answered at all.
 */
export function notifyForError(error: unknown): ErrorNotify {
  const data = new Uint8Array(0);
  // RFC 7296 §2.21.3: a syntax error inside an authenticated message is answered, and ends the IKE SA at both ends.
  if (error instanceof MalformedMessage || error instanceof PeerMisbehaved)
    return { notifyType: NotifyType.INVALID_SYNTAX, data, fatal: true };
  if (error instanceof AuthenticationFailed) return { notifyType: NotifyType.AUTHENTICATION_FAILED, data, fatal: true };
  if (error instanceof NoAgreement) return { notifyType: error.notifyType, data: error.data, fatal: false };
  if (error instanceof LocalMisconfiguration) return { notifyType: NotifyType.NO_PROPOSAL_CHOSEN, data, fatal: false };
  throw error;
}
