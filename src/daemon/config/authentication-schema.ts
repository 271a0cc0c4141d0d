/** The sections of the configuration file that say who proves what, and to whom: `local`, `remote` and `authorities`. */
import { z } from "zod";
import { parseIdentity } from "../../ike/identity.ts";
import { parseRemoteIdentity } from "./addresses.ts";
import { defaulted, optional, optionalListOf, required } from "./fields.ts";
import { oneOf } from "./quantities.ts";

const CERTIFICATES = "a list of files with certificates, in PEM or DER";
const PUBLIC_KEYS = "a list of files with public keys, in PEM or DER";

const asWritten = (text: string): string => text;

export const localSchema = z.strictObject({
  auth: defaulted(oneOf("psk", "pubkey", "null"), {
    about: "How this side proves who it is: by pre-shared key, by signature with a certificate or a raw public key, or not at all (null).",
    expects: "psk, pubkey or null",
    default: "psk",
  }),
  id: optional(parseIdentity, {
    about:
      "Identity of this side: an address, a host name, user@host, a distinguished name (C=CH, O=…, CN=…), or with the type in front (keyid:…). A certificate must hold it.",
    expects: "an identity such as west.example",
    default: "the certificate's subject, else the first plain address in local_addrs",
  }),
  certs: optionalListOf(asWritten, {
    about: "Files with the certificate of this side and those of intermediate authorities, which are sent along with it.",
    expects: CERTIFICATES,
    default: "none",
  }),
  private_key: optional(asWritten, {
    about:
      "File with the private key (PKCS#8, PKCS#1 or SEC1, in PEM) that only its owner may read. The passphrase of an encrypted one is a secret private-NAME.",
    expects: "a path",
    default: "none",
  }),
  rsa_padding: optional(oneOf("pss", "pkcs1"), {
    about: "How an RSA key signs for a peer that knows RFC 7427: RSASSA-PSS, or PKCS#1 v1.5 for a peer that takes no PSS.",
    expects: "pss or pkcs1",
    default: "pss",
  }),
  ocsp_responses: optionalListOf(asWritten, {
    about:
      "Files with OCSP responses for these certificates, in DER, for a peer that asks (RFC 4806), with ocsp: reply or both. They are read at start.",
    expects: "a list of files with OCSP responses",
    default: "none",
  }),
  pubkeys: optionalListOf(asWritten, {
    about: "File with the public key of private_key, to authenticate with that alone instead of a certificate (RFC 7670).",
    expects: PUBLIC_KEYS,
    default: "none",
  }),
});

export const remoteSchema = z.strictObject({
  auth: defaulted(oneOf("psk", "pubkey", "null"), {
    about: "How the peer proves who it is: by pre-shared key, by signature with a certificate or a raw public key, or not at all (null).",
    expects: "psk, pubkey or null",
    default: "psk",
  }),
  id: optional(parseRemoteIdentity, {
    about: 'Identity that the peer must prove; "%any": whichever has a secret here, or a certificate that is believed.',
    expects: 'an identity such as east.example, or "%any"',
    default: "%any with certs, else the first plain address in remote_addrs, else %any",
  }),
  cacerts: optionalListOf(asWritten, {
    about: "Files with the certificates of the authorities that are trusted to know this peer.",
    expects: CERTIFICATES,
    default: "all authorities, unless there are certs or pubkeys",
  }),
  certs: optionalListOf(asWritten, {
    about: "Files with certificates of the peer itself: no other is believed. Without cacerts, nobody else need vouch for them.",
    expects: CERTIFICATES,
    default: "none",
  }),
  pubkeys: optionalListOf(asWritten, {
    about: "Files with raw public keys of the peer (RFC 7670), which needs no certificate then.",
    expects: PUBLIC_KEYS,
    default: "none",
  }),
  revocation: defaulted(oneOf("relaxed", "strict"), {
    about:
      "relaxed: what a revocation list or an OCSP response says is revoked is refused; strict: also what neither a list nor a response in force says is not.",
    expects: "relaxed or strict",
    default: "relaxed",
  }),
});

export const authoritySchema = z.strictObject({
  cacert: required(asWritten, { about: "File with the certificate of an authority that is trusted.", expects: "a path" }),
  intermediates: optionalListOf(asWritten, {
    about: "Files with certificates of authorities below it, for peers that do not send them.",
    expects: CERTIFICATES,
    default: "none",
  }),
  crls: optionalListOf(asWritten, {
    about: "Files with revocation lists of it or of authorities below it. They are read at start.",
    expects: "a list of files with revocation lists, in PEM or DER",
    default: "none",
  }),
});

export type LocalSection = z.output<typeof localSchema>;
export type RemoteSection = z.output<typeof remoteSchema>;
export type AuthoritySection = z.output<typeof authoritySchema>;
