/** What OCSP responses say, whom they are believed from, and what comes of it for a path: by our own hand, and as openssl(1) makes them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Certificate } from "../../src/pki/certificate.ts";
import { MalformedCertificate } from "../../src/pki/errors.ts";
import { OcspResponse } from "../../src/pki/ocsp-response.ts";
import { buildPath } from "../../src/pki/path.ts";
import { readPem } from "../../src/pki/pem.ts";
import type { RevocationPolicy } from "../../src/pki/revocation.ts";
import { forAll } from "../wire/property.ts";
import { assertRefused, trusting } from "./support/assertions.ts";
import {
  extension,
  issue,
  KeyUsageBit,
  ocspResponse,
  ocspResponseDer,
  revocationList,
  root,
  TODAY,
  type ResponseOrder,
} from "./support/authority.ts";
import { sequence } from "./support/der-writer.ts";

const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";

const authority = root("CN=root", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
const end = issue(authority, { subject: "CN=end entity" });
const delegate = issue(authority, { subject: "CN=responder", extendedKeyUsage: [OCSP_SIGNING] });

function build(response: OcspResponse, revocation: RevocationPolicy = "strict"): number {
  return buildPath(end.certificate, [], trusting(authority, { revocation }), TODAY, [response]).length;
}

const order = (more: ResponseOrder = {}): OcspResponse => ocspResponse(authority, end.certificate, more);

describe("an OCSP response", () => {
  for (const [what, more] of [
    ["the issuer, by its name", {}],
    ["the issuer, by its key, about a certificate named by SHA-256", { byKey: true, hash: "sha256" }],
    ["a responder that the issuer has made one", { responder: delegate }],
    ["a responder by its key", { responder: delegate, byKey: true }],
  ] as const satisfies readonly (readonly [string, ResponseOrder])[]) {
    it(`is believed from ${what}`, () => {
      assert.equal(build(order(more)), 2);
      for (const revocation of ["relaxed", "strict"] as const) {
        assertRefused("revoked", /"CN=end entity" was revoked on 2026-06-01/, () =>
          build(order({ ...more, status: "revoked" }), revocation),
        );
      }
    });
  }

  const unvouched = "the OCSP response is signed neither by its issuer nor by a responder of its issuer's";
  const stale = "the OCSP response is past its time";
  for (const [what, more, why] of [
    ["the status is unknown", { status: "unknown" }, "the OCSP responder does not know it"],
    ["it is past its time", { nextUpdate: "2026-11-24T11:59:59Z" }, stale],
    ["its time is yet to come", { thisUpdate: "2026-11-24T12:00:01Z" }, "the OCSP response is not in force yet"],
    [
      "it is more than a day old and does not say when the next one comes",
      { thisUpdate: "2026-11-23T11:59:59Z", nextUpdate: undefined },
      stale,
    ],
    ["the responder has no certificate for this", { responder: issue(authority, { subject: "CN=responder" }) }, unvouched],
    [
      "the responder's certificate has expired",
      { responder: issue(authority, { extendedKeyUsage: [OCSP_SIGNING], notAfter: "2026-11-01T00:00:00Z" }) },
      unvouched,
    ],
    [
      "the responder is that of another authority with the same name",
      { responder: issue(root("CN=root"), { extendedKeyUsage: [OCSP_SIGNING] }) },
      unvouched,
    ],
    ["another with the issuer's name has signed it", { responder: root("CN=root") }, unvouched],
  ] as const satisfies readonly (readonly [string, ResponseOrder, string])[]) {
    it(`says nothing when ${what}: strict refuses, relaxed does not`, () => {
      const text = `"CN=end entity" is revoked is not known: there is no revocation list of its issuer, and ${why}.`;
      assertRefused("revocation unknown", new RegExp(`${text}$`), () => build(order(more)));
      assert.equal(build(order(more), "relaxed"), 2);
    });
  }

  it("within its last day is good for one that does not say when the next one comes", () => {
    assert.equal(build(order({ thisUpdate: "2026-11-23T12:00:01Z", nextUpdate: undefined })), 2);
  });

  it("that is past its time still revokes what it says is revoked", () => {
    assertRefused("revoked", /was revoked/, () => build(order({ status: "revoked", nextUpdate: "2026-11-24T00:00:01Z" }), "relaxed"));
  });

  it("says nothing of another certificate, nor of the same number from another issuer", () => {
    const other = issue(authority, { subject: "CN=other" });
    const text = /and the OCSP response that came is about another certificate\.$/;
    assertRefused("revocation unknown", text, () => build(ocspResponse(authority, other.certificate)));
    const stranger = root("CN=stranger");
    assertRefused("revocation unknown", text, () => build(ocspResponse(stranger, end.certificate, { responder: delegate })));
  });

  it("does not outweigh a revocation list", () => {
    const lists = [revocationList(authority, { revoked: [end.certificate] })];
    assertRefused("revoked", /was revoked/, () =>
      buildPath(end.certificate, [], trusting(authority, { revocationLists: lists }), TODAY, [order()]),
    );
  });

  it("is refused when it is none, or has what is not understood", () => {
    assert.throws(() => OcspResponse.parse(Uint8Array.of(0x30, 3, 0x0a, 1, 6)), /gave no answer \(status 6\)/);
    assert.throws(() => OcspResponse.parse(new Uint8Array(40_000)), /more than 32768 are not read/);
    assert.throws(() => order({ extensions: [extension("1.2.3", true, sequence())] }), /critical extension 1\.2\.3/);
    assert.equal(build(order({ extensions: [extension("1.2.3", false, sequence())] })), 2);
  });

  it("throws nothing untyped, whatever the octets are, and believes nothing that was changed", () => {
    const der = ocspResponseDer(authority, end.certificate);
    forAll(fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 })), ([at, change]) => {
      const octets = der.slice();
      octets[at] = (octets[at] ?? 0) ^ change;
      let status: unknown;
      try {
        status = OcspResponse.parse(octets).statusOf(end.certificate, authority.certificate, TODAY)?.status;
      } catch (error) {
        assert.ok(error instanceof MalformedCertificate, String(error));
      }
      // What is not signed is not read: the status of the whole, its type, and what stands around the signature.
      assert.ok(status === undefined || status === "good");
    });
  });
});

describe("an OCSP response of openssl", () => {
  for (const hash of ["-sha1", "-sha256"]) {
    it(`is read and believed, with certificates named by ${hash.slice(1)}`, (t) => {
      const folder = mkdtempSync(join(tmpdir(), "hwocsp-"));
      t.after(() => rmSync(folder, { recursive: true }));
      const openssl = (...parameters: string[]): void => void execFileSync("openssl", parameters, { cwd: folder, stdio: "ignore" });
      const request = (name: string, ...more: string[]): Certificate => {
        const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", `${name}.key`];
        openssl("req", "-x509", "-config", "/dev/null", "-days", "2", "-subj", `/CN=${name}`, ...key, "-out", `${name}.pem`, ...more);
        const [der] = readPem(readFileSync(join(folder, `${name}.pem`)), ["CERTIFICATE"]);
        return Certificate.parse(der ?? new Uint8Array(0));
      };
      const ca = request("ca", "-addext", "basicConstraints=critical,CA:TRUE");
      const [good, bad] = ["good", "bad"].map((name) => request(name, "-CA", "ca.pem", "-CAkey", "ca.key"));
      assert.ok(good !== undefined && bad !== undefined);
      const line = (state: string, { serial }: Certificate, name: string): string =>
        `${state}\t351231235959Z\t${state === "R" ? "260601000000Z" : ""}\t${serial.replace(/^00/, "").toUpperCase()}\tunknown\t/CN=${name}\n`;
      writeFileSync(join(folder, "index.txt"), line("V", good, "good") + line("R", bad, "bad"));
      request("responder", "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "extendedKeyUsage=OCSPSigning");
      for (const signer of ["ca", "responder"]) {
        const signing = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", `${signer}.pem`, "-rkey", `${signer}.key`, "-ndays", "1"];
        openssl("ocsp", ...signing, "-issuer", "ca.pem", hash, "-cert", "good.pem", "-cert", "bad.pem", "-respout", "both.der");
        const response = OcspResponse.parse(readFileSync(join(folder, "both.der")));
        const date = Date.now();
        assert.equal(response.statusOf(good, ca, date)?.status, "good", signer);
        assert.deepEqual(response.statusOf(bad, ca, date)?.status, { revokedAt: Date.parse("2026-06-01") });
        assert.equal(response.statusOf(ca, ca, date), undefined);
      }
    });
  }
});
