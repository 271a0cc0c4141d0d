/**
 * Redirection to another gateway (RFC 5685) is not followed: nobody here says REDIRECT_SUPPORTED, so nobody may send REDIRECT (§3). One that
 * comes all the same changes nothing; the operator is told.
 */
import { NotifyType } from "../wire/iana/index.ts";
import { findNotify } from "../wire/notify.ts";
import type { Payload } from "../wire/payload.ts";
import type { IkeSa } from "./ike-sa.ts";

export const isRedirect = (payloads: readonly Payload[]): boolean => findNotify(payloads, NotifyType.REDIRECT) !== undefined;

/** Says so if the peer's message asks for another gateway. */
export function noteRedirect({ services, connectionName: connection, addresses: { remote } }: IkeSa, payloads: readonly Payload[]): void {
  if (!isRedirect(payloads)) return;
  const text = "the peer asks us to go to another gateway (REDIRECT), which is not followed (RFC 5685); name that gateway in remote_addrs";
  services.outputs.event({ kind: "hint", connection, remote, text });
}
