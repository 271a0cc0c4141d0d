/** Authentication by signature for the two hosts: credentials, whom they trust, and what of the ladder is about that. */
import { SigningKey, type KeyKind } from "../../../src/crypto/signature.ts";
import type { LocalAuthentication, PeerTrust, RemoteAuthentication, SendCert } from "../../../src/ike/config.ts";
import { parseIdentity } from "../../../src/ike/identity.ts";
import type { Certificate } from "../../../src/pki/certificate.ts";
import { PAIRS } from "../../crypto/signature/fresh-keys.ts";
import { issue, type Issued, type Order } from "../../pki/support/authority.ts";

export function trust(more: Partial<PeerTrust>): PeerTrust {
  return { anchors: [], intermediates: [], revocationLists: [], revocation: "relaxed", certificates: [], publicKeys: [], ...more };
}

export const signsAs = (
  id: string,
  issued: Issued,
  intermediates: readonly Certificate[] = [],
  sendCert: SendCert = "ifasked",
): LocalAuthentication => ({
  auth: "pubkey",
  id: parseIdentity(id),
  credential: { key: issued.key, certificates: [issued.certificate, ...intermediates] },
  sendCert,
});

export const believes = (id: string, more: Partial<PeerTrust>, sendCertreq = true): RemoteAuthentication => ({
  auth: "pubkey",
  id: id === "%any" ? id : parseIdentity(id),
  trust: trust(more),
  sendCertreq,
});

export const byPsk = (id: string): LocalAuthentication & RemoteAuthentication & { readonly auth: "psk" } => ({
  auth: "psk",
  id: parseIdentity(id),
});

/** A certificate of "left.example" or "right.example". */
export const hostCertificate = (authority: Issued, name: string, order: Order = {}): Issued =>
  issue(authority, { subject: `O=Hawser, CN=${name}`, dns: [name], ...order });

export const signingKey = (kind: KeyKind): SigningKey => SigningKey.fromPem(PAIRS[kind].privateKey);

const CONCERNED = /^(IDi|IDr|CERT|CERTREQ|AUTH|N\((SIGNATURE_HASH_ALGORITHMS|AUTHENTICATION_FAILED)\))$/;

/** A ladder of which nothing is left but the payloads of authentication: "IKE_AUTH 1 IDi CERT AUTH -->". */
export function authenticationOnly(ladder: readonly string[]): string[] {
  return ladder.map((line) => {
    const [before = "", inside = "", after = ""] = line.split(/[{}]/);
    const names = inside.split(",").map((name) => name.trim());
    return [before.trim(), ...names.filter((name) => CONCERNED.test(name)), after.trim()].filter((part) => part !== "").join(" ");
  });
}
