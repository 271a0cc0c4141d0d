/** Key pairs made anew for tests that no particular key matters to, as PEM. */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { SigningKey, type KeyKind } from "../../../src/crypto/signature.ts";

export interface PemPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const pem = ({ privateKey, publicKey }: KeyPairKeyObjectResult): PemPair => ({
  privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  publicKey: publicKey.export({ type: "spki", format: "pem" }) as string,
});

export const ecPair = (namedCurve: string): PemPair => pem(generateKeyPairSync("ec", { namedCurve }));
export const rsaPair = (modulusLength: number): PemPair => pem(generateKeyPairSync("rsa", { modulusLength }));

/** One pair of each kind, made once: RSA keys take their time. */
export const PAIRS: Readonly<Record<KeyKind, PemPair>> = {
  rsa: rsaPair(2048),
  "ecdsa-p256": ecPair("P-256"),
  "ecdsa-p384": ecPair("P-384"),
  "ecdsa-p521": ecPair("P-521"),
  ed25519: pem(generateKeyPairSync("ed25519")),
  ed448: pem(generateKeyPairSync("ed448")),
};

export const KINDS = Object.keys(PAIRS) as KeyKind[];

export const signingKey = (kind: KeyKind): SigningKey => SigningKey.fromPem(PAIRS[kind].privateKey);
