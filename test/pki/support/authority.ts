/** Certificates and revocation lists to order, also such as no authority would issue. */
import { Certificate } from "../../../src/pki/certificate.ts";
import { RevocationList } from "../../../src/pki/revocation.ts";
import { SigningKey, type KeyKind } from "../../../src/crypto/signature.ts";
import { SCHEMES } from "../../../src/crypto/signature/schemes.ts";
import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { ecPair, signingKey } from "../../crypto/signature/fresh-keys.ts";
import { ascii, bitString, boolean, explicit, generalName, integer, name, octetString, oid, sequence, time, tlv } from "./der-writer.ts";

/** The moment at which everything here is valid unless a test says otherwise. */
export const TODAY = Date.parse("2026-11-24T12:00:00Z");

export interface Order {
  readonly subject?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly kind?: KeyKind;
  /** True: an authority without bound; a number: with that path length. */
  readonly authority?: boolean | number;
  /** Bits of KeyUsage, as the numbers of RFC 5280 §4.2.1.3. */
  readonly keyUsage?: readonly number[];
  readonly extendedKeyUsage?: readonly string[];
  readonly dns?: readonly string[];
  readonly emails?: readonly string[];
  readonly addresses?: readonly Uint8Array[];
  readonly keyId?: Uint8Array;
  readonly authorityKeyId?: Uint8Array;
  /** Any other extensions. */
  readonly extra?: readonly { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array }[];
  /** Instead of the issuer's own name. */
  readonly issuer?: string;
}

/** A certificate and the key that belongs to it. */
export interface Issued {
  readonly certificate: Certificate;
  readonly key: SigningKey;
  readonly subject: string;
}

/** Each has its own, but for RSA keys, which take their time. */
function newKey(kind: KeyKind): SigningKey {
  switch (kind) {
    case "rsa":
      return signingKey(kind);
    case "ed25519":
      return pkcs8(generateKeyPairSync("ed25519"));
    case "ed448":
      return pkcs8(generateKeyPairSync("ed448"));
    default:
      return SigningKey.fromPem(ecPair(kind.replace("ecdsa-p", "P-")).privateKey);
  }
}

const pkcs8 = ({ privateKey }: KeyPairKeyObjectResult): SigningKey =>
  SigningKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" }));

let serial = 0x7f00;

export const KeyUsageBit = { digitalSignature: 0, nonRepudiation: 1, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const;

/** `issuer` undefined: self-signed. */
export function issue(issuer: Issued | undefined, order: Order): Issued {
  const subject = order.subject ?? "CN=end entity";
  const key = newKey(order.kind ?? "ed25519");
  const signer = issuer?.key ?? key;
  const identifier = schemeOf(signer).identifiers[0] ?? new Uint8Array(0);
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(++serial),
    identifier,
    name(order.issuer ?? issuer?.subject ?? subject),
    sequence(time(order.notBefore ?? "2026-01-01T00:00:00Z"), time(order.notAfter ?? "2027-01-01T00:00:00Z")),
    name(subject),
    key.publicKey.spki(),
    explicit(3, sequence(...extensionsOf(order))),
  );
  return { certificate: Certificate.parse(sign(tbs, signer)), key, subject };
}

export interface ListOrder {
  readonly thisUpdate?: string;
  readonly nextUpdate?: string;
  readonly revoked?: readonly Certificate[];
  readonly extensions?: readonly Uint8Array[];
}

export function revocationListDer(issuer: Issued, { thisUpdate, nextUpdate, revoked = [], extensions = [] }: ListOrder = {}): Uint8Array {
  const entries = revoked.map((certificate) => sequence(tlv(0x02, Buffer.from(certificate.serial, "hex")), time("2026-06-01T00:00:00Z")));
  const tbs = sequence(
    integer(1),
    schemeOf(issuer.key).identifiers[0] ?? new Uint8Array(0),
    name(issuer.subject),
    time(thisUpdate ?? "2026-11-01T00:00:00Z"),
    time(nextUpdate ?? "2026-12-01T00:00:00Z"),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...(extensions.length > 0 ? [explicit(0, sequence(...extensions))] : []),
  );
  return sign(tbs, issuer.key);
}

export const revocationList = (issuer: Issued, order?: ListOrder): RevocationList => RevocationList.parse(revocationListDer(issuer, order));

/** One extension as it stands in a certificate or a list. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

function extensionsOf(order: Order): Uint8Array[] {
  const { authority, keyUsage, extendedKeyUsage, dns = [], emails = [], addresses = [], keyId, authorityKeyId, extra = [] } = order;
  const names = [
    ...dns.map((text) => tlv(generalName.dns, ascii(text))),
    ...emails.map((text) => tlv(generalName.email, ascii(text))),
    ...addresses.map((octets) => tlv(generalName.address, octets)),
  ];
  const all: (Uint8Array | undefined)[] = [
    authority === undefined || authority === false
      ? undefined
      : extension("2.5.29.19", true, sequence(boolean(true), ...(authority === true ? [] : [integer(authority)]))),
    keyUsage && extension("2.5.29.15", true, bitString(Uint8Array.of(keyUsage.reduce((bits, bit) => bits | (0x80 >> bit), 0)))),
    extendedKeyUsage && extension("2.5.29.37", false, sequence(...extendedKeyUsage.map(oid))),
    names.length > 0 ? extension("2.5.29.17", false, sequence(...names)) : undefined,
    keyId && extension("2.5.29.14", false, octetString(keyId)),
    authorityKeyId && extension("2.5.29.35", false, sequence(tlv(0x80, authorityKeyId))),
    ...extra.map((one) => extension(one.oid, one.critical, one.value)),
  ];
  return all.filter((one) => one !== undefined);
}

function sign(tbs: Uint8Array, key: SigningKey): Uint8Array {
  const scheme = schemeOf(key);
  return sequence(tbs, scheme.identifiers[0] ?? new Uint8Array(0), bitString(key.sign(scheme, tbs)));
}

function schemeOf(key: SigningKey): (typeof SCHEMES)[number] {
  const scheme = SCHEMES.find(({ keyKinds }) => keyKinds.includes(key.kind));
  if (scheme === undefined) throw new Error(`nothing signs with ${key.kind}`);
  return scheme;
}

/** An authority named `subject`, by itself. */
export const root = (subject = "CN=root", order: Order = {}): Issued => issue(undefined, { authority: true, subject, ...order });
