/** Which certificates are believed (RFC 5280 §6), and what the operator is told of those that are not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Certificate } from "../../src/pki/certificate.ts";
import { CertificateRefused, type RefusalReason } from "../../src/pki/errors.ts";
import { buildPath, type Trust } from "../../src/pki/path.ts";
import { KINDS } from "../crypto/signature/fresh-keys.ts";
import { issue, KeyUsageBit, revocationList, root, TODAY, type Issued, type Order } from "./support/authority.ts";

const trusting = (anchor: Issued, more: Partial<Trust> = {}): Trust => ({
  anchors: [anchor.certificate],
  intermediates: [],
  revocationLists: [],
  revocation: "relaxed",
  ...more,
});

const names = (path: readonly Certificate[]): string[] => path.map(({ subject }) => subject.toString());

function assertRefused(reason: RefusalReason, sentence: RegExp, build: () => unknown): void {
  assert.throws(build, (error) => {
    assert.ok(error instanceof CertificateRefused, String(error));
    assert.match(error.message, sentence);
    assert.equal(error.reason, reason);
    return true;
  });
}

/** A path of one authority and one end entity. */
function simple(order: Order = {}, rootOrder: Order = {}, more: Partial<Trust> = {}): Certificate[] {
  const anchor = root("CN=root", rootOrder);
  return buildPath(issue(anchor, order).certificate, [], trusting(anchor, more), TODAY);
}

describe("a path of certificates", () => {
  for (const kind of KINDS) {
    it(`leads from an end entity over an intermediate to a root, signed with ${kind}`, () => {
      const anchor = root("CN=root", { kind });
      const middle = issue(anchor, { subject: "CN=middle", authority: 0, kind, keyUsage: [KeyUsageBit.keyCertSign] });
      const end = issue(middle, { kind, keyUsage: [KeyUsageBit.digitalSignature] });
      const path = buildPath(end.certificate, [middle.certificate], trusting(anchor), TODAY);
      assert.deepEqual(names(path), ["CN=end entity", "CN=middle", "CN=root"]);
    });
  }

  it("takes intermediates from the configuration as well", () => {
    const anchor = root();
    const middle = issue(anchor, { subject: "CN=middle", authority: true });
    const trust = trusting(anchor, { intermediates: [middle.certificate] });
    assert.equal(buildPath(issue(middle, {}).certificate, [], trust, TODAY).length, 3);
  });

  it("finds its way among authorities of one name", () => {
    const anchor = root();
    const twins = [1, 2, 3].map(() => issue(anchor, { subject: "CN=middle", authority: true }));
    const end = issue(twins[2], {});
    const sent = twins.map(({ certificate }) => certificate);
    assert.equal(buildPath(end.certificate, sent, trusting(anchor), TODAY)[1], sent[2]);
  });

  it("tells authorities of one name apart by their key identifiers", () => {
    const anchor = root();
    const twins = [1, 2].map((id) => issue(anchor, { subject: "CN=middle", authority: true, keyId: Uint8Array.of(id) }));
    const end = issue(twins[1], { authorityKeyId: Uint8Array.of(1) });
    const sent = twins.map(({ certificate }) => certificate);
    assertRefused("signature", /"CN=end entity" is not signed by .*"CN=middle": the signature is wrong/, () =>
      buildPath(end.certificate, sent, trusting(anchor), TODAY),
    );
  });

  it("does not go round in circles", () => {
    const [a, b] = [root("CN=a", { issuer: "CN=b" }), root("CN=b", { issuer: "CN=a" })];
    const end = issue(a, {});
    assertRefused("untrusted issuer", /issued by "CN=[ab]", which is not trusted/, () =>
      buildPath(end.certificate, [a.certificate, b.certificate], trusting(root()), TODAY),
    );
  });

  it("gives up on very long paths", () => {
    const anchor = root();
    const chain = [anchor];
    for (let index = 0; index < 10; index++) chain.push(issue(chain.at(-1), { subject: `CN=level ${index}`, authority: true }));
    const sent = chain.map(({ certificate }) => certificate);
    assertRefused("untrusted issuer", /not trusted here/, () =>
      buildPath(issue(chain.at(-1), {}).certificate, sent, trusting(anchor), TODAY),
    );
  });

  it("gives up on a crowd of authorities of one name", () => {
    const crowd = Array.from({ length: 40 }, () => root("CN=crowd", { issuer: "CN=crowd" }).certificate);
    const end = issue(root("CN=crowd"), {});
    assertRefused("untrusted issuer", /"CN=crowd", which is not trusted/, () => buildPath(end.certificate, crowd, trusting(root()), TODAY));
  });
});

describe("a certificate is refused", () => {
  it("when it has expired", () => {
    assertRefused(
      "expired",
      /^The certificate "CN=end entity" expired on 2026-11-24 11:59:59 UTC; here it is 2026-11-24 12:00:00 UTC\.$/,
      () => simple({ notAfter: "2026-11-24T11:59:59Z" }),
    );
    assert.equal(simple({ notAfter: "2026-11-24T12:00:00Z" }).length, 2, "the last second is included");
  });

  it("when it is not valid yet", () => {
    assertRefused("not yet valid", /is not valid before 2026-11-24 12:00:01 UTC/, () => simple({ notBefore: "2026-11-24T12:00:01Z" }));
  });

  it("when the authority has expired", () => {
    assertRefused("expired", /"CN=root" expired on/, () => simple({}, { notAfter: "2026-02-01T00:00:00Z" }));
  });

  it("when nobody who is trusted has issued it", () => {
    const end = issue(root("CN=stranger"), {});
    assertRefused("untrusted issuer", /was issued by "CN=stranger", which is not trusted here/, () =>
      buildPath(end.certificate, [], trusting(root()), TODAY),
    );
  });

  it("when another with the authority's name has signed it", () => {
    const end = issue(root("CN=root"), {});
    assertRefused("signature", /is not signed by the certificate "CN=root": the signature is wrong/, () =>
      buildPath(end.certificate, [], trusting(root("CN=root")), TODAY),
    );
  });

  it("when it is self-signed and not trusted", () => {
    assertRefused("untrusted issuer", /not trusted here/, () => buildPath(issue(undefined, {}).certificate, [], trusting(root()), TODAY));
  });

  it("when its issuer is no authority", () => {
    const anchor = root();
    const middle = issue(anchor, { subject: "CN=middle" });
    assertRefused("not an authority", /"CN=middle" is not that of an authority/, () =>
      buildPath(issue(middle, {}).certificate, [middle.certificate], trusting(anchor), TODAY),
    );
  });

  it("when its issuer may not sign certificates", () => {
    assertRefused("key usage", /"CN=root" may not sign certificates/, () => simple({}, { keyUsage: [KeyUsageBit.cRLSign] }));
  });

  it("when the path is longer than an authority allows", () => {
    const anchor = root("CN=root", { authority: 0 });
    const middle = issue(anchor, { subject: "CN=middle", authority: true });
    assertRefused("path too long", /"CN=root" allows 0 authorities below it, and there are 1/, () =>
      buildPath(issue(middle, {}).certificate, [middle.certificate], trusting(anchor), TODAY),
    );
  });

  it("when an authority allows a negative number of them", () => {
    const negative = { oid: "2.5.29.19", critical: true, value: Uint8Array.of(0x30, 6, 1, 1, 0xff, 2, 1, 0xff) };
    assert.throws(() => issue(undefined, { extra: [negative] }), /Its path length is out of all proportion/);
  });

  it("but an authority's own change of key is not counted", () => {
    const anchor = root("CN=root", { authority: 0 });
    const newKey = issue(anchor, { subject: "CN=root", authority: true });
    assert.equal(buildPath(issue(newKey, {}).certificate, [newKey.certificate], trusting(anchor), TODAY).length, 3);
  });

  it("when it is not for digital signatures", () => {
    assertRefused("key usage", /is for keyEncipherment, not for digital signatures/, () =>
      simple({ keyUsage: [KeyUsageBit.keyEncipherment] }),
    );
    assert.equal(simple({ keyUsage: [KeyUsageBit.nonRepudiation] }).length, 2);
  });

  it("when it is for purposes other than IKE", () => {
    const emailProtection = "1.3.6.1.5.5.7.3.4";
    assertRefused("key usage", /for other purposes than IKE \(1\.3\.6\.1\.5\.5\.7\.3\.4\)/, () =>
      simple({ extendedKeyUsage: [emailProtection] }),
    );
    for (const purpose of ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.17", "2.5.29.37.0"]) {
      assert.equal(simple({ extendedKeyUsage: [emailProtection, purpose] }).length, 2);
    }
  });

  it("when it, or an authority, has a critical extension that is unknown", () => {
    const strange = { oid: "1.2.3.4", critical: true, value: Uint8Array.of(5, 0) };
    assertRefused("critical extension", /"CN=end entity" has the critical extension 1\.2\.3\.4/, () => simple({ extra: [strange] }));
    assertRefused("critical extension", /"CN=root" has the critical extension 1\.2\.3\.4/, () => simple({}, { extra: [strange] }));
    assert.equal(simple({ extra: [{ ...strange, critical: false }] }).length, 2);
  });

  it("when an authority limits names, which is not understood", () => {
    const limits = { oid: "2.5.29.30", critical: true, value: Uint8Array.of(0x30, 0) };
    assertRefused("critical extension", /2\.5\.29\.30/, () => simple({}, { extra: [limits] }));
  });
});

describe("revocation", () => {
  const anchor = root("CN=root", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
  const [good, bad] = [issue(anchor, { subject: "CN=good" }), issue(anchor, { subject: "CN=bad" })];
  const list = revocationList(anchor, { revoked: [bad.certificate] });
  const stale = revocationList(anchor, { revoked: [bad.certificate], nextUpdate: "2026-11-23T00:00:00Z" });
  const build = (end: Issued, more: Partial<Trust>) => buildPath(end.certificate, [], trusting(anchor, more), TODAY);

  it("refuses what is on the list, by either policy, and even when the list is past its time", () => {
    for (const revocation of ["relaxed", "strict"] as const) {
      for (const revocationLists of [[list], [stale]]) {
        assertRefused("revoked", /"CN=bad" was revoked on 2026-06-01 00:00:00 UTC/, () => build(bad, { revocationLists, revocation }));
      }
    }
  });

  it("lets pass what is not on it", () => {
    assert.equal(build(good, { revocationLists: [list], revocation: "strict" }).length, 2);
    assert.equal(build(good, { revocationLists: [stale], revocation: "relaxed" }).length, 2);
    assert.equal(build(good, { revocation: "relaxed" }).length, 2);
  });

  it("is strict about a list that is missing or past its time", () => {
    assertRefused("revocation unknown", /there is no revocation list of its issuer/, () => build(good, { revocation: "strict" }));
    assertRefused("revocation unknown", /the revocation list is past its time/, () =>
      build(good, { revocationLists: [stale], revocation: "strict" }),
    );
  });

  it("believes no list that the authority has not signed, or may not sign", () => {
    const forged = revocationList(root("CN=root"), { revoked: [good.certificate] });
    assert.equal(build(good, { revocationLists: [forged] }).length, 2);
    const unfit = root("CN=unfit", { keyUsage: [KeyUsageBit.keyCertSign] });
    const end = issue(unfit, {});
    const lists = [revocationList(unfit, { revoked: [end.certificate] })];
    assert.equal(buildPath(end.certificate, [], trusting(unfit, { revocationLists: lists }), TODAY).length, 2);
  });

  it("is asked for intermediates too", () => {
    const middle = issue(anchor, { subject: "CN=middle", authority: true });
    const lists = [revocationList(anchor, { revoked: [middle.certificate] })];
    assertRefused("revoked", /"CN=middle" was revoked/, () =>
      buildPath(issue(middle, {}).certificate, [middle.certificate], trusting(anchor, { revocationLists: lists }), TODAY),
    );
  });
});
