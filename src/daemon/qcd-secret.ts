/** The secret behind the tokens of quick crash detection (RFC 6290 §5): a file, since it has to outlive the daemon that loses its SAs. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Entropy } from "../crypto/entropy.ts";
import { InvalidText } from "../wire/errors.ts";

/** Octets. */
const LENGTH = 32;
const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const OTHERS = 0o077;

/**
 * Reads the secret, or makes one if there is no file.
 *
 * @throws InvalidText, a sentence, for a file that cannot be read or made, that others may read, or that holds something else
 */
export function qcdSecret(path: string, entropy: Entropy): Uint8Array {
  try {
    return read(path) ?? create(path, entropy);
  } catch (error) {
    if (error instanceof InvalidText) throw error;
    throw new InvalidText(`${path} cannot be used: ${(error as NodeJS.ErrnoException).message}.`);
  }
}

function read(path: string): Uint8Array | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isFile() || status.size !== LENGTH) throw new InvalidText(`${path} is not a file with a secret of ${LENGTH} octets.`);
  if ((status.mode & OTHERS) !== 0) throw new InvalidText(`Others than its owner may use ${path}; run: chmod 600 ${path}`);
  return Uint8Array.from(readFileSync(path));
}

function create(path: string, entropy: Entropy): Uint8Array {
  const secret = entropy.bytes(LENGTH);
  mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  // Never over a file that has come in the meantime.
  writeFileSync(path, secret, { mode: OWNER_ONLY, flag: "wx" });
  return secret;
}
