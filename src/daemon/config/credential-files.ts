/** Files with keys, certificates, revocation lists and OCSP responses. Every reader throws InvalidText with a sentence that names the file. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidKey, isEncryptedPem, SigningKey, VerificationKey } from "../../crypto/signature.ts";
import { Certificate } from "../../pki/certificate.ts";
import { CertificateRefused, MalformedCertificate } from "../../pki/errors.ts";
import { OcspResponse } from "../../pki/ocsp-response.ts";
import { readPem } from "../../pki/pem.ts";
import { RevocationList } from "../../pki/revocation.ts";
import { InvalidText } from "../../wire/errors.ts";
import { isExposed } from "./secrets.ts";

export class CredentialFiles {
  readonly #directory: string;
  readonly #passphrases: ReadonlyMap<string, Uint8Array>;

  /**
   * @param directory paths are relative to it
   * @param passphrases of private keys, by their whole path
   */
  constructor(directory: string, passphrases: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#directory = directory;
    this.#passphrases = passphrases;
  }

  /** One or more, in the order of the file; their keys are fit for use. */
  certificates(path: string): Certificate[] {
    return this.#read(path, (octets) => {
      const certificates = readPem(octets, ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]).map((der) => Certificate.parse(der));
      certificates.forEach(requireUsableKey);
      return certificates;
    });
  }

  revocationLists(path: string): RevocationList[] {
    return this.#read(path, (octets) => readPem(octets, ["X509 CRL"]).map((der) => RevocationList.parse(der)));
  }

  ocspResponse(path: string): OcspResponse {
    return this.#read(path, (octets) => OcspResponse.parse(octets));
  }

  publicKey(path: string): VerificationKey {
    return this.#read(path, (octets) => {
      const [der] = readPem(octets, ["PUBLIC KEY"]);
      return VerificationKey.fromSpki(der ?? octets);
    });
  }

  /** Nobody but the owner of the file may read it. */
  privateKey(path: string): SigningKey {
    const whole = resolve(this.#directory, path);
    if (isExposed(whole)) throw new InvalidText(`Others than its owner may read the private key in ${whole}; run: chmod 600 ${whole}`);
    return this.#read(path, (octets) => {
      const text = new TextDecoder().decode(octets);
      octets.fill(0);
      const passphrase = this.#passphrases.get(whole);
      if (passphrase === undefined && isEncryptedPem(text)) {
        throw new InvalidKey(`It is encrypted; add its passphrase to "secrets", as private-NAME: { file: ${path}, secret: … }.`);
      }
      return SigningKey.fromPem(text, passphrase);
    });
  }

  #read<Value>(path: string, parse: (octets: Uint8Array) => Value): Value {
    const whole = resolve(this.#directory, path);
    let octets: Uint8Array;
    try {
      octets = readFileSync(whole);
    } catch (error) {
      throw new InvalidText(`The file cannot be read: ${(error as NodeJS.ErrnoException).message}.`);
    }
    try {
      return parse(octets);
    } catch (error) {
      const isSentence = error instanceof MalformedCertificate || error instanceof InvalidKey || error instanceof CertificateRefused;
      if (!isSentence) throw error;
      throw new InvalidText(`The file ${whole} is of no use. ${error.message}`);
    }
  }
}

/** It is read when it is first asked for: better at start than when a peer comes. Throws CertificateRefused. */
function requireUsableKey(certificate: Certificate): VerificationKey {
  return certificate.key;
}
