/** Which identities a certificate is good for, and distinguished names as operators write them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DistinguishedName } from "../../src/pki/distinguished-name.ts";
import { MalformedCertificate } from "../../src/pki/errors.ts";
import { certifies, identitiesIn } from "../../src/pki/identity.ts";
import { encodeName, looksLikeName } from "../../src/pki/name-text.ts";
import { InvalidText } from "../../src/wire/errors.ts";
import { IdentificationType } from "../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";
import { forAll } from "../wire/property.ts";
import { issue } from "./support/authority.ts";
import { ascii } from "./support/der-writer.ts";

const { ID_DER_ASN1_DN, ID_FQDN, ID_RFC822_ADDR, ID_IPV4_ADDR, ID_IPV6_ADDR, ID_KEY_ID, ID_DER_ASN1_GN } = IdentificationType;

const { certificate } = issue(undefined, {
  subject: "C=CH, O=Hawser, CN=west",
  dns: ["west.example", "*.wild.example"],
  emails: ["Ops@west.example"],
  addresses: [Uint8Array.of(192, 0, 2, 1), fromHex("20010db8000000000000000000000001")],
  keyId: Uint8Array.of(4, 5, 6),
});

const says = (idType: number, data: Uint8Array | string): boolean =>
  certifies(certificate, { idType, data: typeof data === "string" ? ascii(data) : data });

describe("a certificate is one of", () => {
  it("its subject, whatever types of string name it", () => {
    assert.equal(says(ID_DER_ASN1_DN, certificate.subject.der), true);
    assert.notDeepEqual(encodeName("C=CH, O=Hawser, CN=west"), certificate.subject.der, "PrintableString here, UTF8String there");
    assert.equal(says(ID_DER_ASN1_DN, encodeName("C=CH, O=Hawser, CN=west")), true);
  });

  it("no part of its subject, nor the same in another order or case", () => {
    for (const text of [
      "CN=west",
      "C=CH, O=Hawser",
      "O=Hawser, C=CH, CN=west",
      "C=CH, O=Hawser, CN=West",
      "C=CH, O=Hawser, CN=west, CN=west",
    ]) {
      assert.equal(says(ID_DER_ASN1_DN, encodeName(text)), false, text);
    }
    assert.equal(says(ID_DER_ASN1_DN, "no DER at all"), false);
  });

  it("its host names without regard to case, but not of its common name, and no wild card stands for others", () => {
    assert.equal(says(ID_FQDN, "west.example"), true);
    assert.equal(says(ID_FQDN, "WEST.example"), true);
    for (const name of ["west", "east.example", "sub.west.example", "a.wild.example", "Ops@west.example"])
      assert.equal(says(ID_FQDN, name), false);
  });

  it("its e-mail addresses, where the domain alone has no case", () => {
    assert.equal(says(ID_RFC822_ADDR, "Ops@WEST.example"), true);
    assert.equal(says(ID_RFC822_ADDR, "ops@west.example"), false);
    assert.equal(says(ID_RFC822_ADDR, "west.example"), false);
  });

  it("its addresses and its key identifier", () => {
    assert.equal(says(ID_IPV4_ADDR, Uint8Array.of(192, 0, 2, 1)), true);
    assert.equal(says(ID_IPV4_ADDR, Uint8Array.of(192, 0, 2, 2)), false);
    assert.equal(says(ID_IPV6_ADDR, fromHex("20010db8000000000000000000000001")), true);
    assert.equal(says(ID_KEY_ID, Uint8Array.of(4, 5, 6)), true);
    assert.equal(says(ID_KEY_ID, Uint8Array.of(4, 5)), false);
    assert.equal(says(ID_DER_ASN1_GN, certificate.subject.der), false);
  });

  it("all of which an operator can be told", () => {
    assert.equal(
      identitiesIn(certificate),
      '"C=CH, O=Hawser, CN=west", west.example, *.wild.example, Ops@west.example, 192.0.2.1, 2001:db8::1',
    );
    assert.equal(identitiesIn(issue(undefined, { subject: "" }).certificate), "nobody");
  });

  it("nobody when it has an empty subject", () => {
    const nameless = issue(undefined, { subject: "" }).certificate;
    assert.equal(certifies(nameless, { idType: ID_DER_ASN1_DN, data: nameless.subject.der }), false);
    assert.match(nameless.name, /with serial number/);
  });
});

describe("a distinguished name in text", () => {
  const roundTrip = (text: string): string => DistinguishedName.parse(encodeName(text)).toString();

  it("is encoded as DER asks", () => {
    assert.equal(toHex(encodeName("C=CH, CN=é")), "301a310b3009060355040613024348310b300906035504030c02c3a9");
    assert.equal(toHex(encodeName("C=CH")), "300d310b3009060355040613024348");
  });

  it("comes back as it was", () => {
    for (const text of ["C=CH, O=Example \\, Inc., CN=west", "DC=example, DC=west", "CN=a+OU=b, E=ops@west.example", "1.2.3.4=x, UID=y"]) {
      assert.equal(roundTrip(text), text);
    }
    assert.equal(roundTrip("c=CH , cn = west"), "C=CH, CN=west");
  });

  it("comes back as it was, whatever the value", () => {
    forAll(fc.string({ minLength: 1 }), (value) => {
      const escaped = value.replaceAll(/[\\,+]/g, "\\$&");
      if (value.trim() !== value) return;
      const name = DistinguishedName.parse(encodeName(`CN=${escaped}`));
      assert.equal(name.matches(DistinguishedName.parse(encodeName(`CN=${escaped}`))), true);
    });
  });

  it("is refused with advice", () => {
    assert.throws(() => encodeName("CN=west, west"), /"west" is not an attribute such as CN=west\.example/);
    assert.throws(() => encodeName("CX=west"), /"CX" is not the name of an attribute; known are CN, S, SN/);
    assert.throws(() => encodeName("CN="), InvalidText);
    assert.throws(() => encodeName(`CN=${"x".repeat(70_000)}`), /longer than any name/);
  });

  it("is told from other identities", () => {
    assert.deepEqual(["CN=west", "C = CH, CN=w", "2.5.4.3=x", "west.example", "a@b", "fqdn:x", ""].map(looksLikeName), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("is refused when its DER is something else", () => {
    forAll(fc.uint8Array({ maxLength: 60 }), (octets) => {
      try {
        DistinguishedName.parse(octets);
      } catch (error) {
        assert.ok(error instanceof MalformedCertificate, String(error));
      }
    });
  });
});
