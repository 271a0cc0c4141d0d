/** Readers of addresses, device names and identities. Throw InvalidText or LocalMisconfiguration with a sentence. */
import type { Identity } from "../../ike/identity.ts";
import { parseIdentity } from "../../ike/identity.ts";
import { addressBits, formatAddress, parseAddress } from "../../wire/address.ts";
import { InvalidText } from "../../wire/errors.ts";
import { parsePrefix } from "../../wire/traffic-selector.ts";

/** An address (in canonical form), a prefix, a range, or "%any". */
export function parseAddressPattern(text: string): string {
  if (text === "%any") return text;
  if (text.includes("[")) throw new InvalidText(`"${text}" has a protocol; here only an address, a prefix, a range or "%any" can stand.`);
  if (/[/-]/.test(text)) {
    parsePrefix(text);
    return text;
  }
  try {
    const { family, value } = parseAddress(text);
    return formatAddress(family, value);
  } catch (error) {
    if (!(error instanceof InvalidText)) throw error;
    throw new InvalidText(`"${text}" is not an IP address, a prefix, a range or "%any" (host names are not resolved).`);
  }
}

/** True for a pattern that is one address. */
export function isPlainAddress(pattern: string): boolean {
  return pattern !== "%any" && !/[/-]/.test(pattern);
}

export function parseRemoteIdentity(text: string): Identity | "%any" {
  return text === "%any" ? text : parseIdentity(text);
}

export interface InterfaceAddress {
  /** In canonical form. */
  readonly address: string;
  readonly prefixLength: number;
}

/** "10.1.0.1/24"; without a length, the address alone. Host bits stay: they are the address. */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const { family, value } = parseAddress(addressText);
  const bits = addressBits(family);
  const prefixLength = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : NaN;
  if (!(prefixLength <= bits) || rest.length > 0) throw new InvalidText(`"${text}" needs a prefix length from 0 to ${bits} after one "/".`);
  return { address: formatAddress(family, value), prefixLength };
}

/** IFNAMSIZ is 16 with the final zero; the kernel refuses "/" and white space, and iproute2 reads "%d" as a pattern. */
export function parseDeviceName(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(text) || text === "." || text === "..") {
    throw new InvalidText(`"${text}" is not a device name; use up to 15 letters, digits, "_", "." or "-".`);
  }
  return text;
}
