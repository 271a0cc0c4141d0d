/** Certificates by openssl(1), so that neither end has made what it reads. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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

export class OpensslAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), "hwce-"));
  readonly #own: OpensslCredential;

  /** A root with a key of this kind. */
  constructor(kind: OpensslKeyKind) {
    const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    this.#own = this.#request("authority", kind, [
      "-subj",
      "/C=CH/O=Hawser/CN=authority",
      ...extensions.flatMap((one) => ["-addext", one]),
    ]);
  }

  get certificate(): string {
    return this.#own.certificate;
  }

  /** For a host with this name. */
  issue(name: string, kind: OpensslKeyKind): OpensslCredential {
    const { certificate, privateKey } = this.#own;
    const extensions = [`subjectAltName=DNS:${name}`, "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];
    return this.#request(name, kind, [
      ...["-CA", certificate, "-CAkey", privateKey, "-subj", `/C=CH/O=Hawser/CN=${name}`],
      ...extensions.flatMap((one) => ["-addext", one]),
    ]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #request(name: string, kind: OpensslKeyKind, more: readonly string[]): OpensslCredential {
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

function openssl(...parameters: readonly string[]): void {
  execFileSync("openssl", parameters, { stdio: ["ignore", "ignore", "pipe"] });
}
