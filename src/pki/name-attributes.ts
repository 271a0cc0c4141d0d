/** Attribute types of distinguished names and the short names that people write for them (RFC 4514 §3, and strongSwan's own). */

export const EMAIL_ADDRESS = "1.2.840.113549.1.9.1";

const ATTRIBUTES: readonly (readonly [oid: string, ...names: string[]])[] = [
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "S", "SURNAME"],
  ["2.5.4.5", "SN", "SERIALNUMBER"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "T", "TITLE"],
  ["2.5.4.13", "D"],
  ["2.5.4.42", "G", "GN", "GIVENNAME"],
  ["2.5.4.43", "I", "INITIALS"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  [EMAIL_ADDRESS, "E", "EMAIL", "EMAILADDRESS"],
];

const NAME_OF: ReadonlyMap<string, string> = new Map(ATTRIBUTES.map(([oid, name = oid]) => [oid, name]));
const OID_OF: ReadonlyMap<string, string> = new Map(ATTRIBUTES.flatMap(([oid, ...names]) => names.map((name) => [name, oid] as const)));

/** "CN"; the object identifier itself where there is no short name. */
export function attributeName(oid: string): string {
  return NAME_OF.get(oid) ?? oid;
}

/** Either case; also an object identifier with dots. Undefined when unknown. */
export function attributeOid(name: string): string | undefined {
  return /^\d+(\.\d+)+$/.test(name) ? name : OID_OF.get(name.toUpperCase());
}

/** Every name there is, for advice. */
export const ATTRIBUTE_NAMES: readonly string[] = ATTRIBUTES.flatMap(([, ...names]) => names.slice(0, 1));
