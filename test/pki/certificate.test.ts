/** What stands in certificates and lists, whoever wrote them, and that nothing but MalformedCertificate comes of octets that are none. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Certificate } from "../../src/pki/certificate.ts";
import { identitiesIn } from "../../src/pki/identity.ts";
import { CertificateRefused, MalformedCertificate } from "../../src/pki/errors.ts";
import { buildPath } from "../../src/pki/path.ts";
import { readPem } from "../../src/pki/pem.ts";
import { RevocationList } from "../../src/pki/revocation.ts";
import { toHex } from "../../src/wire/octets.ts";
import { forAll } from "../wire/property.ts";
import { extension, issue, revocationListDer, root, TODAY } from "./support/authority.ts";
import { integer, sequence } from "./support/der-writer.ts";

const anchor = root("O=Hawser, CN=root", { keyId: Uint8Array.of(1, 2, 3) });
const { certificate } = issue(anchor, {
  subject: "C=CH, O=Hawser, CN=west",
  notAfter: "2061-01-01T00:00:00Z",
  dns: ["west.example"],
  emails: ["ops@west.example"],
  addresses: [Uint8Array.of(192, 0, 2, 1)],
  keyUsage: [0, 5],
  extendedKeyUsage: ["1.3.6.1.5.5.7.3.17"],
  keyId: Uint8Array.of(4, 5, 6),
  authorityKeyId: Uint8Array.of(1, 2, 3),
});

/** Runs a reader on octets that may be anything. */
function assertTyped(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof MalformedCertificate, String(error));
    assert.match(error.message, /^[A-Z].*\.$/);
  }
}

/** Whether octets are a certificate that {@link anchor} vouches for. */
function believed(octets: Uint8Array): boolean {
  try {
    const trust = { anchors: [anchor.certificate], intermediates: [], revocationLists: [], revocation: "relaxed" } as const;
    return buildPath(Certificate.parse(octets), [], trust, TODAY).length > 0;
  } catch (error) {
    assert.ok(error instanceof MalformedCertificate || error instanceof CertificateRefused, String(error));
    return false;
  }
}

/** Octets of a good one with a few changed, cut or put in. */
const damaged = (good: Uint8Array) =>
  fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.constantFrom("set", "cut", "insert")), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const octets = [...good];
      for (const [at, octet, how] of changes) {
        if (how === "set") octets[at % octets.length] = octet;
        else octets.splice(at % octets.length, how === "cut" ? 1 : 0, ...(how === "insert" ? [octet] : []));
      }
      return Uint8Array.from(octets);
    });

describe("a certificate", () => {
  it("is read to its last field", () => {
    const { extensions } = certificate;
    assert.equal(certificate.subject.toString(), "C=CH, O=Hawser, CN=west");
    assert.equal(certificate.issuer.toString(), "O=Hawser, CN=root");
    assert.deepEqual(
      [certificate.notBefore, certificate.notAfter],
      [Date.parse("2026-01-01T00:00:00Z"), Date.parse("2061-01-01T00:00:00Z")],
    );
    assert.deepEqual([...(extensions.keyUsage ?? [])], ["digitalSignature", "keyCertSign"]);
    assert.deepEqual(extensions.extendedKeyUsage, ["1.3.6.1.5.5.7.3.17"]);
    assert.deepEqual(extensions.alternativeNames.dnsNames, ["west.example"]);
    assert.deepEqual(extensions.alternativeNames.emails, ["ops@west.example"]);
    assert.deepEqual(extensions.alternativeNames.addresses.map(toHex), ["c0000201"]);
    assert.equal(toHex(extensions.subjectKeyId ?? new Uint8Array(0)), "040506");
    assert.equal(toHex(extensions.authorityKeyId ?? new Uint8Array(0)), "010203");
    assert.deepEqual([extensions.isAuthority, anchor.certificate.extensions.isAuthority], [false, true]);
  });

  it("is read as OpenSSL reads it", () => {
    const theirs = new X509Certificate(certificate.der);
    assert.equal(theirs.subject.replaceAll("\n", ", "), certificate.subject.toString());
    assert.equal(theirs.serialNumber.toLowerCase(), certificate.serial);
    assert.equal(Date.parse(theirs.validTo), certificate.notAfter);
    assert.deepEqual(theirs.publicKey.export({ type: "spki", format: "der" }), Buffer.from(certificate.spki));
    assert.deepEqual(theirs.keyUsage, certificate.extensions.extendedKeyUsage);
  });

  it("does not change with the octets that it was read from", () => {
    const octets = certificate.der.slice();
    const copy = Certificate.parse(octets);
    octets.fill(0);
    assert.deepEqual(copy.der, certificate.der);
  });

  it("shows the names of strangers without control characters", () => {
    const { subject } = issue(undefined, { subject: "CN=\u001b[2Jroot\u202e" }).certificate;
    assert.equal(subject.toString(), "CN=\\1b[2Jroot\\e2\\80\\ae");
  });

  it("shows no more of a name than a log should take", () => {
    const { certificate: long } = issue(undefined, { subject: `CN=${"x".repeat(5000)}`, dns: ["y".repeat(5000)] });
    assert.ok(long.subject.toString().length < 400);
    assert.ok(identitiesIn(long).length < 700);
  });

  it("is refused in a sentence when something stands twice, or after its end", () => {
    const twice = { oid: "2.5.29.14", critical: false, value: Uint8Array.of(4, 1, 1) };
    assert.throws(() => issue(undefined, { extra: [twice, twice] }), /^MalformedCertificate: It has the same extension twice\.$/);
    assert.throws(() => Certificate.parse(Uint8Array.of(...certificate.der, 0)), /It has 1 octets after its end/);
    assert.throws(() => Certificate.parse(certificate.der.subarray(0, 100)), /It is not DER/);
    assert.throws(() => Certificate.parse(new Uint8Array(70_000)), /more than 65536 are not read/);
  });

  it("is refused when a length is spelt otherwise than DER asks, or lies", () => {
    const { der } = certificate;
    assert.deepEqual([...der.subarray(0, 2)], [0x30, 0x82], "two octets of length");
    const longer = Uint8Array.of(0x30, 0x83, 0, ...der.subarray(2));
    const shorter = der.slice();
    shorter[3] = (der[3] ?? 0) - 1;
    const open = Uint8Array.of(0x30, 0x80, ...der.subarray(4), 0, 0);
    for (const octets of [longer, shorter, open]) assert.throws(() => Certificate.parse(octets), MalformedCertificate);
    assert.equal(believed(der), true);
    forAll(damaged(der), (octets) => assert.ok(!believed(octets) || Buffer.from(octets).equals(der)));
  });

  it("throws nothing untyped, whatever the octets are", () => {
    forAll(fc.uint8Array({ maxLength: 200 }), (octets) => assertTyped(() => Certificate.parse(octets)));
    forAll(damaged(certificate.der), (octets) => assertTyped(() => Certificate.parse(octets)));
  });

  it("throws nothing untyped for elements in elements without end", () => {
    const nested = Uint8Array.from({ length: 60_000 }, (_, index) => (index % 2 === 0 ? 0x30 : 0x80));
    assertTyped(() => Certificate.parse(nested));
    assert.throws(() => Certificate.parse(nested), MalformedCertificate);
  });
});

describe("a revocation list", () => {
  const der = revocationListDer(anchor, { revoked: [certificate] });

  it("knows its authority, its time and what it revokes", () => {
    const list = RevocationList.parse(der);
    assert.equal(list.isBy(anchor.certificate), true);
    assert.equal(list.isBy(root("O=Hawser, CN=root").certificate), false);
    assert.equal(list.revokedAt(certificate), Date.parse("2026-06-01T00:00:00Z"));
    assert.equal(list.revokedAt(anchor.certificate), undefined);
    assert.deepEqual([list.isInForce(TODAY), list.isInForce(Date.parse("2026-12-02T00:00:00Z"))], [true, false]);
    assert.equal(list.isInForce(Date.parse("2026-10-01T00:00:00Z")), false);
  });

  it("may be empty and may have a number", () => {
    const list = RevocationList.parse(revocationListDer(anchor, { extensions: [extension("2.5.29.20", false, integer(7))] }));
    assert.equal(list.revokedAt(certificate), undefined);
  });

  it("is refused when it is a delta or a part", () => {
    for (const id of ["2.5.29.27", "2.5.29.28"]) {
      const special = revocationListDer(anchor, { extensions: [extension(id, true, sequence())] });
      assert.throws(() => RevocationList.parse(special), /critical extension 2\.5\.29\.2[78], which is not understood/);
    }
  });

  it("throws nothing untyped, whatever the octets are", () => {
    forAll(damaged(der), (octets) => assertTyped(() => RevocationList.parse(octets)));
  });
});

describe("PEM", () => {
  const block = (label: string, octets: Uint8Array): string =>
    `-----BEGIN ${label}-----\n${Buffer.from(octets).toString("base64").replaceAll(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
  const file = (text: string): Uint8Array => new TextEncoder().encode(text);

  it("holds several objects, and text between them", () => {
    const text = `${block("CERTIFICATE", certificate.der)}subject=root\n${block("X509 CRL", Uint8Array.of(1))}${block("CERTIFICATE", anchor.certificate.der)}`;
    assert.deepEqual(readPem(file(text), ["CERTIFICATE"]).map(toHex), [certificate.der, anchor.certificate.der].map(toHex));
    assert.deepEqual(readPem(file(text.replaceAll("\n", "\r\n")), ["CERTIFICATE"]).length, 2);
  });

  it("may be plain DER instead", () => {
    assert.deepEqual(readPem(certificate.der, ["CERTIFICATE"]), [certificate.der]);
  });

  it("says what it has instead of what was asked for", () => {
    assert.throws(
      () => readPem(file(block("PRIVATE KEY", Uint8Array.of(1))), ["CERTIFICATE"]),
      /It has PRIVATE KEY where CERTIFICATE should be/,
    );
    assert.throws(() => readPem(file(block("CERTIFICATE", Uint8Array.of(1)).replace("AQ==", "A?==")), ["CERTIFICATE"]), /not base64/);
    assert.throws(() => readPem(file("-----BEGIN CERTIFICATE-----\nAAAA\n"), ["CERTIFICATE"]), MalformedCertificate);
    assert.throws(() => readPem(new Uint8Array(0), ["CERTIFICATE"]), /It is empty/);
  });

  it("throws nothing untyped, whatever the text is", () => {
    forAll(fc.string(), (text) =>
      assertTyped(() => readPem(file(`-----BEGIN CERTIFICATE-----${text}-----END CERTIFICATE-----`), ["CERTIFICATE"])),
    );
  });
});
