/** Which certificates are believed (RFC 5280 §6), and what the operator is told of those that are not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Certificate } from "../../src/pki/certificate.ts";
import { buildPath, type Trust } from "../../src/pki/path.ts";
import { validUntil } from "../../src/pki/validity.ts";
import { KINDS } from "../crypto/signature/fresh-keys.ts";
import { assertRefused, trusting } from "./support/assertions.ts";
import { issue, KeyUsageBit, nameConstraints, reissue, revocationList, root, TODAY, type Issued, type Order } from "./support/authority.ts";
import { generalName, name, oid, sequence, tlv } from "./support/der-writer.ts";

const names = (path: readonly Certificate[]): string[] => path.map(({ subject }) => subject.toString());

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

  it("goes over whichever of an authority's certificates is good, in whatever order they come", () => {
    const [anchor, older] = [root(), root("CN=older root", { notAfter: "2026-06-01T00:00:00Z" })];
    const middle = issue(anchor, { subject: "CN=middle", authority: true });
    const stray = nameConstraints({ permitted: [tlv(generalName.directory, name("O=Other"))] });
    const crossed = [
      reissue(older, middle, { authority: true }),
      reissue(anchor, middle, { authority: true, notAfter: "2026-06-01T00:00:00Z" }),
      reissue(anchor, middle, { authority: true, extra: [stray] }),
      middle.certificate,
    ];
    const end = issue(middle, {});
    const trust = trusting(anchor, { anchors: [older.certificate, anchor.certificate] });
    for (const sent of [crossed, crossed.toReversed()]) {
      assert.deepEqual(buildPath(end.certificate, sent, trust, TODAY).slice(1), [middle.certificate, anchor.certificate]);
    }
    assertRefused("name constraints", /has the name "CN=end entity"/, () => buildPath(end.certificate, crossed.slice(2, 3), trust, TODAY));
  });

  it("does not go round in circles", () => {
    const [a, b] = [root("CN=a", { issuer: "CN=b" }), root("CN=b", { issuer: "CN=a" })];
    const end = issue(a, {});
    assertRefused("untrusted issuer", /issued by "CN=[ab]", which is not trusted/, () =>
      buildPath(end.certificate, [a.certificate, b.certificate], trusting(root()), TODAY),
    );
  });

  it("is valid until the first of its certificates expires", () => {
    const anchor = root();
    const middle = issue(anchor, { subject: "CN=middle", authority: true, notAfter: "2026-12-01T00:00:00Z" });
    assert.equal(
      validUntil(buildPath(issue(middle, {}).certificate, [middle.certificate], trusting(anchor), TODAY)),
      Date.parse("2026-12-01"),
    );
    assert.equal(validUntil(simple({ notAfter: "2026-11-30T00:00:00Z" })), Date.parse("2026-11-30"));
    assert.equal(validUntil([]), Infinity);
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

  for (const [what, id] of [
    ["maps policies", "2.5.29.33"],
    ["demands a policy", "2.5.29.36"],
    ["inhibits the policy that stands for all", "2.5.29.54"],
  ] as const) {
    it(`when an authority ${what}, which is not understood`, () => {
      const demand = { oid: id, critical: true, value: sequence() };
      assertRefused("critical extension", new RegExp(`"CN=root" has the critical extension ${id}`), () => simple({}, { extra: [demand] }));
    });
  }

  it("when a critical policy is qualified by what is not understood; any other policy is accepted", () => {
    const policies = (...qualifiers: string[]) => {
      const qualified = qualifiers.map((id) => sequence(oid(id), sequence()));
      const value = sequence(sequence(oid("1.2.3"), ...(qualified.length > 0 ? [sequence(...qualified)] : [])), sequence(oid("1.2.4")));
      return { oid: "2.5.29.32", critical: true, value };
    };
    const [cps, notice] = ["1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"];
    assertRefused("critical extension", /critical extension 1\.2\.9/, () => simple({ extra: [policies(cps, "1.2.9")] }));
    for (const accepted of [policies(), policies(cps, notice), { ...policies("1.2.9"), critical: false }]) {
      assert.equal(simple({ extra: [accepted] }).length, 2);
    }
  });
});

describe("revocation", () => {
  const anchor = root("CN=root", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
  const [good, bad] = [issue(anchor, { subject: "CN=good" }), issue(anchor, { subject: "CN=bad" })];
  const list = revocationList(anchor, { revoked: [bad.certificate] });
  const stale = revocationList(anchor, { revoked: [bad.certificate], nextUpdate: "2026-11-23T00:00:00Z" });
  const early = revocationList(anchor, { thisUpdate: "2026-11-25T00:00:00Z" });
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
    const noResponse = "and no OCSP response has come that can be read\\.$";
    for (const [revocationLists, why] of [
      [[], "there is no revocation list of its issuer"],
      [[stale], "the revocation list of its issuer is past its time"],
      [[stale, early], "the revocation list of its issuer is past its time"],
      [[early], "the revocation list of its issuer is not in force yet"],
    ] as const) {
      assertRefused("revocation unknown", new RegExp(`: ${why}, ${noResponse}`), () =>
        build(good, { revocationLists, revocation: "strict" }),
      );
    }
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
