/** Secrets as the file writes them. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidText } from "../../wire/errors.ts";
import { fromHex } from "../../wire/octets.ts";

/** Fewer octets than these are too few to withstand guessing by whoever records one handshake (RFC 7296 §2.15). */
export const SHORTEST_GOOD_SECRET = 16;

/** RFC 8784 §6: a PPK of 256 bits, half of which are left against a quantum computer. */
export const SHORTEST_GOOD_PPK = 32;

/** Permission bits that let others than the owner read a file. */
const OTHERS_MAY_READ = 0o044;

export interface DecodedSecret {
  readonly octets: Uint8Array;
  /** The configuration file itself gives it away. */
  readonly isInConfig: boolean;
  /** A separate file that anybody may read. */
  readonly exposedFile: string | undefined;
}

/**
 * A secret as in swanctl.conf: `0x` and hexadecimal digits, `0s` and base64, `file:` and a path from `directory`, whose content without its
 * last newline is the secret, or else the text itself.
 *
 * @throws InvalidText
 */
export function decodeSecret(text: string, directory: string): DecodedSecret {
  if (text.startsWith("file:")) return readSecretFile(resolve(directory, text.slice("file:".length)));
  const octets = text.startsWith("0x")
    ? fromHex(text.slice(2))
    : text.startsWith("0s")
      ? fromBase64(text.slice(2))
      : new TextEncoder().encode(text);
  if (octets.length === 0) throw new InvalidText("The secret is empty.");
  return { octets, isInConfig: true, exposedFile: undefined };
}

function readSecretFile(path: string): DecodedSecret {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new InvalidText(`The file of this secret cannot be read: ${(error as NodeJS.ErrnoException).message}.`);
  }
  const end = content.at(-1) === 0x0a ? content.length - 1 : content.length;
  if (end === 0) throw new InvalidText(`The file ${path} is empty; it must hold the secret.`);
  return { octets: Uint8Array.from(content.subarray(0, end)), isInConfig: false, exposedFile: isExposed(path) ? path : undefined };
}

/** Buffer.from ignores what is not base64; a secret with a slip in it must not become another secret. */
function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1) throw new InvalidText("What follows 0s is not base64.");
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** Whether others than its owner may read a file. A pipe or a terminal is nobody else's. */
export function isExposed(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isFile() === true && (status.mode & OTHERS_MAY_READ) !== 0;
}
