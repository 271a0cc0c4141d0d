/** node:crypto speaks Buffer; this project's rooms speak Uint8Array. */

/**
 * The same octets as a plain Uint8Array, not copied. A Buffer that escaped would compare unequal to a Uint8Array of the same content in a
 * deep comparison, and its `slice` does not copy.
 */
export function plainOctets(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/**
 * `octets` with zeros before them, `length` in all: a number in network order at fixed width. Not copied when nothing is missing, so that no
 * second copy of a secret is made. Throws RangeError if it does not fit.
 */
export function leftPad(octets: Uint8Array, length: number): Uint8Array {
  if (octets.length === length) return octets;
  if (octets.length > length) throw new RangeError(`${octets.length} octets do not fit ${length}`);
  const padded = new Uint8Array(length);
  padded.set(octets, length - octets.length);
  return padded;
}

/**
 * Overwrites secrets with zeros. The runtime may have made copies that nobody can reach (a moved heap object, a spilled register), so this
 * shortens a secret's life rather than ends it for certain.
 */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/** Looks at every octet, so that the time taken tells nothing of a secret. */
export function isAllZero(octets: Uint8Array): boolean {
  return octets.reduce((seen, octet) => seen | octet, 0) === 0;
}
