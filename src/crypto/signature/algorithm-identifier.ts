/**
 * The AlgorithmIdentifiers that open a Digital Signature (RFC 7427 §3, Appendix A), as DER. They are built here and compared octet by octet,
 * never parsed: what a stranger sends reaches no ASN.1 reader.
 */
import { concat, fromHex } from "../../wire/octets.ts";

export type Sha2 = "sha256" | "sha384" | "sha512";

/** Tag and content octets of an OBJECT IDENTIFIER. */
const OID = {
  sha256: fromHex("0609 608648016503040201"),
  sha384: fromHex("0609 608648016503040202"),
  sha512: fromHex("0609 608648016503040203"),
  mgf1: fromHex("0609 2a864886f70d010108"),
  rsassaPss: fromHex("0609 2a864886f70d01010a"),
  sha256WithRsa: fromHex("0609 2a864886f70d01010b"),
  sha384WithRsa: fromHex("0609 2a864886f70d01010c"),
  sha512WithRsa: fromHex("0609 2a864886f70d01010d"),
  ecdsaWithSha256: fromHex("0608 2a8648ce3d040302"),
  ecdsaWithSha384: fromHex("0608 2a8648ce3d040303"),
  ecdsaWithSha512: fromHex("0608 2a8648ce3d040304"),
  ed25519: fromHex("0603 2b6570"),
  ed448: fromHex("0603 2b6571"),
} as const;

const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** Context-specific, constructed: the EXPLICIT tags of RSASSA-PSS-params. */
const explicit = (number: number): number => 0xa0 | number;

const NULL = fromHex("0500");
const ABSENT = new Uint8Array(0);

/** Everything here is shorter than 128 octets, so that its length takes one. */
const element = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const octets = concat(...content);
  return concat(Uint8Array.of(tag, octets.length), octets);
};

/** RFC 4055 §5: the parameters are NULL, and absent must be understood as well. The first is the one to send. */
export function rsaPkcs1Identifiers(hash: Sha2): readonly Uint8Array[] {
  return [NULL, ABSENT].map((parameters) => element(SEQUENCE, OID[`${hash}WithRsa`], parameters));
}

/**
 * RFC 4055 §3.1: the same hash in the message digest and in MGF1, salt as long as the hash. Accepted in every spelling that is in use: NULL
 * or no parameters of the hashes, and the default trailerField left out, as DER demands, or written. The first is the one to send.
 */
export function rsaPssIdentifiers(hash: Sha2, saltLength: number): readonly Uint8Array[] {
  const salt = element(explicit(2), element(INTEGER, Uint8Array.of(saltLength)));
  const trailerField = element(explicit(3), element(INTEGER, Uint8Array.of(1)));
  const spellings: Uint8Array[] = [];
  for (const trailer of [ABSENT, trailerField]) {
    for (const hashParameters of [NULL, ABSENT]) {
      for (const maskHashParameters of [NULL, ABSENT]) {
        const digest = element(explicit(0), element(SEQUENCE, OID[hash], hashParameters));
        const mask = element(explicit(1), element(SEQUENCE, OID.mgf1, element(SEQUENCE, OID[hash], maskHashParameters)));
        spellings.push(element(SEQUENCE, OID.rsassaPss, element(SEQUENCE, digest, mask, salt, trailer)));
      }
    }
  }
  return spellings;
}

const ECDSA_OIDS: Readonly<Record<Sha2, Uint8Array>> = {
  sha256: OID.ecdsaWithSha256,
  sha384: OID.ecdsaWithSha384,
  sha512: OID.ecdsaWithSha512,
};

/** RFC 5758 §3.2: no parameters. */
export function ecdsaIdentifiers(hash: Sha2): readonly Uint8Array[] {
  return [element(SEQUENCE, ECDSA_OIDS[hash])];
}

/** RFC 8420 §3, RFC 8410 §3: no parameters. */
export function edwardsIdentifiers(curve: "ed25519" | "ed448"): readonly Uint8Array[] {
  return [element(SEQUENCE, OID[curve])];
}
