/** One character for each octet (ISO 8859-1), so that nothing is lost of what should be ASCII and need not be. */
export function latin1(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}
