/** Which names an authority may vouch for (RFC 5280 §4.2.1.10): the examples of the RFC, and the ways round it that must not work. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MalformedCertificate } from "../../src/pki/errors.ts";
import { buildPath } from "../../src/pki/path.ts";
import { fromHex } from "../../src/wire/octets.ts";
import { assertRefused, trusting } from "./support/assertions.ts";
import { issue, nameConstraints, root, TODAY, type Order } from "./support/authority.ts";
import { ascii, explicit, generalName, integer, name, sequence, tlv } from "./support/der-writer.ts";

const dns = (text: string): Uint8Array => tlv(generalName.dns, ascii(text));
const email = (text: string): Uint8Array => tlv(generalName.email, ascii(text));
const uri = (text: string): Uint8Array => tlv(generalName.uri, ascii(text));
const directory = (text: string): Uint8Array => tlv(generalName.directory, name(text));
const address = (hex: string): Uint8Array => tlv(generalName.address, fromHex(hex));

type Limits = Parameters<typeof nameConstraints>[0];

/** A path over an authority that limits names, with `middle` between it and the end entity: by itself with the same name, another key. */
function build(limits: Limits, order: Order, middle: Order = {}): number {
  const anchor = root("O=Hawser", { extra: [nameConstraints(limits)] });
  const between = issue(anchor, { subject: "O=Hawser", authority: true, ...middle });
  return buildPath(issue(between, { subject: "", ...order }).certificate, [between.certificate], trusting(anchor), TODAY).length;
}

const permits = (base: Uint8Array, order: Order): void => assert.equal(build({ permitted: [base] }, order), 3);

function refuses(limits: Limits, order: Order, shown: RegExp): void {
  assertRefused("name constraints", shown, () => build(limits, order));
}

/** What lies in the subtree of a base, and what lies outside of it. */
const FORMS: readonly (readonly [form: string, base: Uint8Array, inside: readonly Uint8Array[], outside: readonly Uint8Array[]])[] = [
  [
    "host names",
    dns("host.example.com"),
    ["host.example.com", "www.host.example.com", "WWW.HOST.Example.COM"].map(dns),
    ["host1.example.com", "example.com", "ahost.example.com", "host.example.com.evil", ""].map(dns),
  ],
  ["hosts in a domain", dns(".example.com"), ["a.example.com", "b.a.example.com"].map(dns), ["example.com", "anexample.com"].map(dns)],
  ["every host name", dns(""), ["a", "a.b"].map(dns), []],
  ["one mailbox", email("root@example.com"), ["root@EXAMPLE.com"].map(email), ["Root@example.com", "x@example.com"].map(email)],
  ["mail of one host", email("example.com"), ["a@example.com", "b@Example.Com"].map(email), ["a@mx.example.com", "a@b@c.com"].map(email)],
  ["mail of a domain", email(".example.com"), ["a@mx.example.com"].map(email), ["a@example.com", "a@anexample.com"].map(email)],
  [
    "IPv4",
    address("c0000200ffffff00"),
    ["c0000201", "c00002ff"].map(address),
    ["c0000301", "20010db8000000000000000000000001"].map(address),
  ],
  [
    "IPv6",
    address(`20010db8${"00".repeat(12)}ffffffff${"00".repeat(12)}`),
    ["20010db8000000000000000000000001"].map(address),
    ["20010db9000000000000000000000001", "c0000201"].map(address),
  ],
  [
    "directory names",
    directory("C=CH, O=Hawser"),
    ["C=CH, O=Hawser", "C=CH, O=Hawser, CN=west", "C=ch, O= HAWSER , CN=west"].map(directory),
    ["C=CH", "O=Hawser, C=CH", "C=CH, O=Hawser AG, CN=west", "C=CH, CN=west"].map(directory),
  ],
];

describe("an authority that limits", () => {
  for (const [form, base, inside, outside] of FORMS) {
    it(`${form} vouches for those that it permits, and for none that it excludes`, () => {
      for (const one of inside) {
        permits(base, { names: [one] });
        refuses({ excluded: [base] }, { names: [one] }, /may not vouch/);
      }
      for (const one of outside) {
        refuses({ permitted: [base] }, { names: [one] }, /may not vouch/);
        assert.equal(build({ excluded: [base] }, { names: [one] }), 3);
      }
    });
  }

  it("one form of names leaves the others alone", () => {
    permits(dns("example.com"), { names: [email("a@b.c"), address("c0000201"), directory("CN=x"), uri("a:b")], subject: "CN=y" });
  });

  it("names by several bases permits what is within one of them, and excludes what it permits elsewhere", () => {
    const limits = { permitted: [dns("a.example"), dns("b.example")], excluded: [dns("bad.b.example")] };
    assert.equal(build(limits, { names: [dns("x.a.example"), dns("b.example")] }), 3);
    refuses(limits, { names: [dns("a.example"), dns("c.example")] }, /has the name c\.example, for which the certificate "O=Hawser"/);
    refuses(limits, { names: [dns("very.bad.b.example")] }, /has the name very\.bad\.b\.example/);
  });

  it("names is heeded below every authority of the path, each for itself", () => {
    const middle = { extra: [nameConstraints({ permitted: [dns("b.a.example")] })] };
    assert.equal(build({ permitted: [dns("a.example")] }, { names: [dns("b.a.example")] }, middle), 3);
    for (const refused of ["c.a.example", "b.example"]) {
      assertRefused("name constraints", /may not vouch/, () => build({ permitted: [dns("a.example")] }, { names: [dns(refused)] }, middle));
    }
    const wider = { extra: [nameConstraints({ permitted: [dns("example")] })] };
    assertRefused("name constraints", /"O=Hawser" and those/, () =>
      build({ permitted: [dns("a.example")] }, { names: [dns("b.example")] }, wider),
    );
  });

  it("directory names binds subjects, those of authorities too, but for its own change of key", () => {
    const limits = { permitted: [directory("O=Hawser, CN=middle")] };
    assertRefused("name constraints", /has the name "O=Hawser, CN=east"/, () => build(limits, { subject: "O=Hawser, CN=east" }));
    assertRefused("name constraints", /"O=Hawser, CN=other" has the name/, () => build(limits, {}, { subject: "O=Hawser, CN=other" }));
    assert.equal(build(limits, { subject: "O=Hawser, CN=middle, CN=east" }), 3);
    assert.equal(build(limits, { subject: "O=Hawser, CN=middle, CN=east" }, { subject: "O=Hawser, CN=middle" }), 3);
  });

  it("mail binds an address in the subject of a certificate without alternative names", () => {
    const subject = "1.2.840.113549.1.9.1=ops@evil.example";
    refuses({ permitted: [email("good.example")] }, { subject }, /has the name ops@evil\.example/);
    refuses({ excluded: [email("evil.example")] }, { subject }, /has the name ops@evil\.example/);
    permits(email("good.example"), { subject, names: [dns("a.example")] });
  });

  it("a form that is not compared here vouches for no name of that form", () => {
    for (const limits of [{ permitted: [uri(".example.com")] }, { excluded: [uri("other.example")] }]) {
      refuses(limits, { names: [uri("ike://a.example.com")] }, /has the name of form \[6\]/);
      assert.equal(build(limits, { names: [dns("a.example.com")] }), 3);
    }
  });

  it("is bound to it even when it does not call it critical", () => {
    const anchor = root("O=Hawser", { extra: [{ ...nameConstraints({ excluded: [dns("")] }), critical: false }] });
    assertRefused("name constraints", /has the name a/, () =>
      buildPath(issue(anchor, { dns: ["a"] }).certificate, [], trusting(anchor), TODAY),
    );
  });

  it("names by so many bases that comparing them would take long is not asked", () => {
    const many = Array.from({ length: 300 }, (_, index) => dns(`${index}`));
    refuses({ excluded: many }, { names: many.map(() => dns("x")) }, /too many names/);
  });
});

it("limits that RFC 5280 does not know are refused with the certificate", () => {
  const distance = (number: number) => sequence(explicit(0, sequence(dns("a"), tlv(0x80 | number, Uint8Array.of(1)))));
  for (const [value, why] of [
    [distance(0), /with distances/],
    [distance(1), /with distances/],
    [sequence(explicit(1, sequence())), /without a name/],
    [sequence(explicit(0, sequence(address("c0000201")))), /neither a prefix/],
    [sequence(explicit(0, sequence(address("c0000200ff00ff00")))), /neither a prefix/],
    [sequence(explicit(0, sequence(integer(1)))), /no known form/],
  ] as const) {
    const extra = [{ oid: "2.5.29.30", critical: true, value }];
    assert.throws(
      () => root("CN=root", { extra }),
      (error) => error instanceof MalformedCertificate && why.test(error.message),
    );
  }
});
