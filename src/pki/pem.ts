/** Files with certificates and the like: PEM (RFC 7468), one object or many in one file, or one object in DER. */
import { MalformedCertificate } from "./errors.ts";
import { latin1 } from "./latin1.ts";

const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/;

/**
 * The DER octets of every object with one of the `labels`, in the order of the file; other objects are passed over. A file without PEM is
 * taken for one object in DER.
 *
 * @throws MalformedCertificate with a sentence when there is no such object, or one whose base64 is damaged
 */
export function readPem(file: Uint8Array, labels: readonly string[]): Uint8Array[] {
  const text = latin1(file);
  if (!BEGIN.test(text)) {
    if (file.length === 0) throw new MalformedCertificate("It is empty.");
    return [file];
  }
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g)];
  const found = blocks.filter(([, label = ""]) => labels.includes(label)).map(([, label = "", body = ""]) => decode(label, body));
  if (found.length > 0) return found;
  const [, label = ""] = BEGIN.exec(text) ?? [];
  throw new MalformedCertificate(`It has ${label} where ${labels.join(" or ")} should be.`);
}

function decode(label: string, body: string): Uint8Array {
  const digits = body.replaceAll(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(digits) || digits.length % 4 !== 0)
    throw new MalformedCertificate(`What follows BEGIN ${label} is not base64.`);
  return Uint8Array.from(atob(digits), (character) => character.charCodeAt(0));
}
