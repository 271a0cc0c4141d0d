/** Identities (RFC 7296 §3.5): what the IDi and IDr payloads carry, and the text an operator writes for them. */

/** `idType` is an IANA "IKEv2 Identification Payload ID Type"; `data` the Identification Data octets. */
export interface Identity {
  readonly idType: number;
  readonly data: Uint8Array;
}

/**
 * Reads an identity as swanctl.conf writes it: an IPv4 or IPv6 address, `user@host`, a host name (also `@host`), or with the type spelled out
 * `ipv4:`, `ipv6:`, `fqdn:`, `email:`, `keyid:` (text or 0x hex), `@#hex` (KEY_ID).
 *
 * @throws LocalMisconfiguration with a sentence that names the text.
 */
export declare function parseIdentity(text: string): Identity;

/** The identity as an operator would write it; octets that are not printable are escaped. */
export declare function formatIdentity(identity: Identity): string;

export declare function sameIdentity(a: Identity, b: Identity): boolean;
