/** Certificates by openssl(1), so that neither end has made what it reads. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Kinds of keys, as openssl-req's -newkey takes them. */
const NEW_KEY = {
  rsa: ["rsa:2048"],
  ecdsa: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  ed25519: ["ed25519"],
} as const;

export type OpensslKeyKind = keyof typeof NEW_KEY;
export const OPENSSL_KEY_KINDS = Object.keys(NEW_KEY) as OpensslKeyKind[];

/** Paths of PEM files. */
export interface OpensslCredential {
  readonly certificate: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

const AUTHORITY = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];

export class OpensslAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), "hwce-"));
  readonly #own: OpensslCredential;
  /** Of the last authority of a chain: it issues what is issued next. */
  #issuer: OpensslCredential;

  /** A root with a key of this kind. */
  constructor(kind: OpensslKeyKind) {
    this.#own = this.#request("authority", kind, AUTHORITY);
    this.#issuer = this.#own;
  }

  /** Puts an intermediate authority below the last one. @returns the path of its certificate */
  descend(name: string, kind: OpensslKeyKind): string {
    this.#issuer = this.#request(name, kind, AUTHORITY, this.#issuer);
    return this.#issuer.certificate;
  }

  get certificate(): string {
    return this.#own.certificate;
  }

  /** For a host with this name. */
  issue(name: string, kind: OpensslKeyKind): OpensslCredential {
    const extensions = [`subjectAltName=DNS:${name}`, "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];
    return this.#request(name, kind, extensions, this.#issuer);
  }

  /** An OCSP response of the last authority, valid for a day: the certificate is good. @returns its path */
  ocspResponse({ certificate }: OpensslCredential): string {
    const [index, response] = ["index", "ocsp"].map((name) => join(this.#folder, name)) as [string, string];
    const serial = openssl("x509", "-in", certificate, "-noout", "-serial").trim().replace("serial=", "");
    writeFileSync(index, `V\t351231235959Z\t\t${serial}\tunknown\t/CN=host\n`);
    const { certificate: authority, privateKey } = this.#issuer;
    const signing = ["-CA", authority, "-rsigner", authority, "-rkey", privateKey, "-ndays", "1"];
    openssl("ocsp", "-index", index, ...signing, "-issuer", authority, "-cert", certificate, "-respout", response);
    return response;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #request(name: string, kind: OpensslKeyKind, extensions: readonly string[], issuer?: OpensslCredential): OpensslCredential {
    const more = [
      ...(issuer === undefined ? [] : ["-CA", issuer.certificate, "-CAkey", issuer.privateKey]),
      ...["-subj", `/C=CH/O=Hawser/CN=${name}`],
      ...extensions.flatMap((one) => ["-addext", one]),
    ];
    const path = (extension: string): string => join(this.#folder, `${name}.${extension}`);
    const paths = { certificate: path("pem"), privateKey: path("key"), publicKey: path("pub") };
    const files = ["-keyout", paths.privateKey, "-out", paths.certificate];
    // Without a configuration file, which would bring extensions of its own.
    openssl("req", "-x509", "-config", "/dev/null", "-days", "2", "-newkey", ...NEW_KEY[kind], "-noenc", ...files, ...more);
    openssl("pkey", "-in", paths.privateKey, "-pubout", "-out", paths.publicKey);
    return paths;
  }
}

export const contentOf = (path: string): string => readFileSync(path, "utf8");

function openssl(...parameters: readonly string[]): string {
  return execFileSync("openssl", parameters, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}
