/** Name constraints (RFC 5280 §4.2.1.10) as they stand in the certificate of an authority. */
import type { DerElement } from "./der.ts";
import { MalformedCertificate } from "./errors.ts";
import { readGeneralName, type GeneralName } from "./general-name.ts";

/** Subtrees, each by its base. A form of names that does not occur in `permitted` is not limited by it. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** @throws MalformedCertificate */
export function readNameConstraints(element: DerElement): NameConstraints {
  const lists = element.sequence("name constraints");
  const subtreesOf = (tag: number): GeneralName[] =>
    lists.filter(({ context }) => context === tag).flatMap((list) => list.children("name constraints").map(readSubtree));
  return { permitted: subtreesOf(0), excluded: subtreesOf(1) };
}

/** GeneralSubtree ::= SEQUENCE { base, minimum [0] DEFAULT 0, maximum [1] OPTIONAL }, of which only `base` may be used. */
function readSubtree(element: DerElement): GeneralName {
  const [first, ...distances] = element.sequence("name constraint");
  if (first === undefined) throw new MalformedCertificate("It has a name constraint without a name.");
  if (distances.length > 0) throw new MalformedCertificate("It has a name constraint with distances, which RFC 5280 does not allow.");
  const base = readGeneralName(first);
  if (base.form === "address" && !isMaskedAddress(base.octets)) {
    throw new MalformedCertificate("It has a name constraint that is neither a prefix of IPv4 nor of IPv6.");
  }
  return base;
}

/** An address and a mask of ones, then zeros (RFC 4632 §3.1). */
function isMaskedAddress(octets: Uint8Array): boolean {
  if (octets.length !== 8 && octets.length !== 32) return false;
  const mask = [...octets.subarray(octets.length / 2)].map((octet) => octet.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(mask);
}
