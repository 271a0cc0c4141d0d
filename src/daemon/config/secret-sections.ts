/** The sections under `secrets`, each for what the beginning of its name says: pre-shared keys, PPKs, and passphrases of private keys. */
import { resolve } from "node:path";
import type { SharedSecret } from "../../ike/config.ts";
import { LocalMisconfiguration } from "../../ike/errors.ts";
import { parseIdentity, type Identity } from "../../ike/identity.ts";
import { InvalidText } from "../../wire/errors.ts";
import type { Finding } from "./explain.ts";
import type { SecretSection } from "./schema.ts";
import { decodeSecret, SHORTEST_GOOD_PPK, SHORTEST_GOOD_SECRET } from "./secrets.ts";

/** swanctl has a name for each kind of key; the file says what it is. */
const NAMES = /^(ike|ppk|private|rsa|ecdsa|pkcs8)/;

export interface Secrets {
  /** `ike-NAME` */
  readonly shared: readonly SharedSecret[];
  /** `ppk-NAME` */
  readonly ppks: readonly SharedSecret[];
  /** `private-NAME`, by the whole path of the key. */
  readonly passphrases: ReadonlyMap<string, Uint8Array>;
  /** One of them stands in the configuration file itself. */
  readonly areInFile: boolean;
}

/**
 * @param directory paths are relative to it
 * @param report gets all that is wrong, so that it can be told at once
 */
export function resolveSecrets(
  sections: Readonly<Record<string, SecretSection>>,
  directory: string,
  report: { readonly findings: Finding[]; readonly warnings: string[] },
): Secrets {
  const shared: SharedSecret[] = [];
  const ppks: SharedSecret[] = [];
  const passphrases = new Map<string, Uint8Array>();
  let areInFile = false;
  for (const [name, section] of Object.entries(sections)) {
    const path = ["secrets", name];
    const find = (key: string, text: string): void => void report.findings.push({ path: [...path, key], text });
    const kind = NAMES.exec(name)?.[0];
    if (kind === undefined) {
      const text = `The name of a secret must begin with "ike" (as in ike-${name}), with "ppk", or with "private": it says what the secret is for.`;
      report.findings.push({ path, text });
      continue;
    }
    const secret = secretOf(section, directory, find);
    if (secret === undefined) continue;
    areInFile ||= secret.isInConfig;
    if (secret.exposedFile !== undefined) {
      report.warnings.push(`Everybody may read the secret in ${secret.exposedFile}; run: chmod 600 ${secret.exposedFile}`);
    }
    const { octets } = secret;
    const ids = ownersOf(section, find);
    if (kind !== "ike" && kind !== "ppk") {
      const file = keyFileOf(section, find);
      if (file !== undefined) passphrases.set(resolve(directory, file), octets);
      continue;
    }
    if (section.file !== undefined) find("file", "This is for passphrases of private keys: private-NAME.");
    const enough = kind === "ppk" ? SHORTEST_GOOD_PPK : SHORTEST_GOOD_SECRET;
    if (octets.length < enough) {
      report.warnings.push(
        `The secret ${name} has ${octets.length} octets and can be guessed by whoever records a handshake; use ${enough} random ones or more.`,
      );
    }
    (kind === "ppk" ? ppks : shared).push({ name, ids, secret: octets });
  }
  return { shared, ppks, passphrases, areInFile };
}

type Find = (key: string, text: string) => void;

/** Undefined after a finding. */
function secretOf({ secret }: SecretSection, directory: string, find: Find): ReturnType<typeof decodeSecret> | undefined {
  try {
    return decodeSecret(secret, directory);
  } catch (error) {
    if (!(error instanceof InvalidText)) throw error;
    find("secret", error.message);
    return undefined;
  }
}

/** Undefined after a finding. */
function keyFileOf({ file, id }: SecretSection, find: Find): string | undefined {
  if (id !== undefined) find("id", "A passphrase has no owner; its file says what it is for.");
  if (file === undefined) find("file", "This key is missing; it must be the path of the private key that this is the passphrase of.");
  return file;
}

/** `id` and every `id-SUFFIX`. */
function ownersOf(section: SecretSection, find: Find): Identity[] {
  const { id, ...rest } = section;
  const ids = [...(id ?? [])];
  for (const [key, texts] of Object.entries(rest)) {
    // `secret` and `file`, which are no lists.
    if (typeof texts === "string") continue;
    if (!key.startsWith("id-")) {
      find(key, `There is no key "${key}" here; the keys here are secret, file, id, and id-SUFFIX.`);
      continue;
    }
    for (const text of texts ?? []) {
      try {
        ids.push(parseIdentity(text));
      } catch (error) {
        if (!(error instanceof LocalMisconfiguration)) throw error;
        find(key, error.message);
      }
    }
  }
  return ids;
}
