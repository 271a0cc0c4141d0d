/** Certificates and revocation lists to order, also such as no authority would issue. */
import { Certificate } from "../../../src/pki/certificate.ts";
import { RevocationList } from "../../../src/pki/revocation.ts";
import { OcspResponse } from "../../../src/pki/ocsp-response.ts";
import { SigningKey, type KeyKind } from "../../../src/crypto/signature.ts";
import { SCHEMES } from "../../../src/crypto/signature/schemes.ts";
import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { ecPair, signingKey } from "../../crypto/signature/fresh-keys.ts";
import {
  ascii,
  bitString,
  boolean,
  explicit,
  generalizedTime,
  generalName,
  integer,
  name,
  octetString,
  oid,
  sequence,
  time,
  tlv,
} from "./der-writer.ts";

/** The moment at which everything here is valid unless a test says otherwise. */
export const TODAY = Date.parse("2026-11-24T12:00:00Z");

export interface Extra {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

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
  /** Further alternative names, each a whole GeneralName. */
  readonly names?: readonly Uint8Array[];
  readonly keyId?: Uint8Array;
  readonly authorityKeyId?: Uint8Array;
  /** Any other extensions. */
  readonly extra?: readonly Extra[];
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
  return certify(issuer, newKey(order.kind ?? "ed25519"), order.subject ?? "CN=end entity", order);
}

/** Another certificate for the key and name that `issued` has already: a cross-certificate when `issuer` is another. */
export function reissue(issuer: Issued, { key, subject }: Issued, order: Order): Certificate {
  return certify(issuer, key, subject, order).certificate;
}

function certify(issuer: Issued | undefined, key: SigningKey, subject: string, order: Order): Issued {
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

export interface ResponseOrder {
  readonly status?: "good" | "revoked" | "unknown";
  readonly thisUpdate?: string;
  /** Undefined: not said. */
  readonly nextUpdate?: string | undefined;
  /** Of the hashes that name the certificate. */
  readonly hash?: "sha1" | "sha256";
  /** Who signs, if not the issuer; its certificate goes along. */
  readonly responder?: Issued;
  readonly byKey?: boolean;
  readonly extensions?: readonly Uint8Array[];
}

/** An OCSP response (RFC 6960 §4.2.1) of `issuer` about `certificate`. */
export function ocspResponseDer(issuer: Issued, { serial }: Certificate, order: ResponseOrder = {}): Uint8Array {
  const { status = "good", thisUpdate = "2026-11-24T00:00:00Z", hash = "sha1", responder, byKey = false, extensions = [] } = order;
  const nextUpdate = "nextUpdate" in order ? order.nextUpdate : "2026-11-25T00:00:00Z";
  const signer = responder ?? issuer;
  const digest = (octets: Uint8Array, algorithm: string = hash): Uint8Array => createHash(algorithm).update(octets).digest();
  const name = issuer.certificate.subject.der;
  const entry = sequence(
    sequence(
      sequence(oid(hash === "sha1" ? "1.3.14.3.2.26" : "2.16.840.1.101.3.4.2.1")),
      octetString(digest(name)),
      octetString(digest(keyBits(issuer))),
      tlv(0x02, Buffer.from(serial, "hex")),
    ),
    { good: tlv(0x80), revoked: tlv(0xa1, generalizedTime("2026-06-01T00:00:00Z")), unknown: tlv(0x82) }[status],
    generalizedTime(thisUpdate),
    ...(nextUpdate === undefined ? [] : [explicit(0, generalizedTime(nextUpdate))]),
  );
  const data = sequence(
    byKey ? explicit(2, octetString(digest(keyBits(signer), "sha1"))) : explicit(1, signer.certificate.subject.der),
    generalizedTime(thisUpdate),
    sequence(entry),
    ...(extensions.length === 0 ? [] : [explicit(1, sequence(...extensions))]),
  );
  const attached = responder === undefined ? [] : [explicit(0, sequence(responder.certificate.der))];
  const scheme = schemeOf(signer.key);
  const basic = sequence(data, scheme.identifiers[0] ?? new Uint8Array(0), bitString(signer.key.sign(scheme, data)), ...attached);
  return sequence(tlv(0x0a, Uint8Array.of(0)), explicit(0, sequence(oid("1.3.6.1.5.5.7.48.1.1"), octetString(basic))));
}

export const ocspResponse = (issuer: Issued, certificate: Certificate, order?: ResponseOrder): OcspResponse =>
  OcspResponse.parse(ocspResponseDer(issuer, certificate, order));

/** Of an Ed25519 key: what comes last in the SubjectPublicKeyInfo. */
const keyBits = ({ certificate: { spki } }: Issued): Uint8Array => spki.subarray(-32);

/** One extension as it stands in a certificate or a list. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** Names are whole GeneralNames. */
export function nameConstraints({
  permitted = [],
  excluded = [],
}: Partial<Record<"permitted" | "excluded", readonly Uint8Array[]>>): Extra {
  const subtrees = (number: number, bases: readonly Uint8Array[]): Uint8Array[] =>
    bases.length === 0 ? [] : [explicit(number, ...bases.map((base) => sequence(base)))];
  return { oid: "2.5.29.30", critical: true, value: sequence(...subtrees(0, permitted), ...subtrees(1, excluded)) };
}

function extensionsOf(order: Order): Uint8Array[] {
  const {
    authority,
    keyUsage,
    extendedKeyUsage,
    dns = [],
    emails = [],
    addresses = [],
    names: otherNames = [],
    keyId,
    authorityKeyId,
    extra = [],
  } = order;
  const names = [
    ...dns.map((text) => tlv(generalName.dns, ascii(text))),
    ...emails.map((text) => tlv(generalName.email, ascii(text))),
    ...addresses.map((octets) => tlv(generalName.address, octets)),
    ...otherNames,
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
