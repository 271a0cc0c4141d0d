import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIdentity, parseIdentity, sameIdentity, type Identity } from "../../src/ike/identity.ts";
import { IdentificationType } from "../../src/wire/iana/index.ts";
import { fromHex, toHex } from "../../src/wire/octets.ts";

test("identities are read as swanctl.conf writes them", () => {
  const cases: [text: string, idType: number, hex: string, printed?: string][] = [
    ["192.0.2.1", IdentificationType.ID_IPV4_ADDR, "c0000201"],
    ["ipv4:192.0.2.1", IdentificationType.ID_IPV4_ADDR, "c0000201", "192.0.2.1"],
    ["2001:db8::1", IdentificationType.ID_IPV6_ADDR, "20010db8000000000000000000000001"],
    ["moon.example", IdentificationType.ID_FQDN, toHex(new TextEncoder().encode("moon.example"))],
    ["@moon.example", IdentificationType.ID_FQDN, toHex(new TextEncoder().encode("moon.example")), "moon.example"],
    ["fqdn:10.0.0.1", IdentificationType.ID_FQDN, toHex(new TextEncoder().encode("10.0.0.1")), "10.0.0.1"],
    ["alice@example.org", IdentificationType.ID_RFC822_ADDR, toHex(new TextEncoder().encode("alice@example.org"))],
    ["@@alice", IdentificationType.ID_RFC822_ADDR, toHex(new TextEncoder().encode("alice")), "alice"],
    ["keyid:gate", IdentificationType.ID_KEY_ID, "67617465", "@#67617465"],
    ["keyid:0xC0FFEE", IdentificationType.ID_KEY_ID, "c0ffee", "@#c0ffee"],
    ["@#c0ffee", IdentificationType.ID_KEY_ID, "c0ffee"],
    ["C=CH", IdentificationType.ID_DER_ASN1_DN, "300d310b3009060355040613024348"],
  ];
  for (const [text, idType, hex, printed = text] of cases) {
    const identity = parseIdentity(text);
    assert.deepEqual({ idType: identity.idType, hex: toHex(identity.data) }, { idType, hex }, text);
    assert.equal(formatIdentity(identity), printed);
    assert.ok(sameIdentity(identity, parseIdentity(text)));
  }
});

test("what cannot be read is named in a sentence", () => {
  for (const text of ["", "300.0.0.1", "ipv6:nonsense", "@#abc", "C=CH, moon", "XX=moon", "CN=", "fqdn:"]) {
    assert.throws(() => parseIdentity(text), { name: "LocalMisconfiguration", message: /\.$/ }, text);
  }
});

test("a distinguished name is the same whatever types of string are in it, but not in another order", () => {
  const utf8: Identity = { idType: IdentificationType.ID_DER_ASN1_DN, data: fromHex("300d310b300906035504060c024348") };
  assert.ok(sameIdentity(utf8, parseIdentity("C=CH")));
  assert.ok(!sameIdentity(utf8, parseIdentity("C=ch")));
  assert.ok(!sameIdentity(parseIdentity("C=CH, CN=moon"), parseIdentity("CN=moon, C=CH")));
  assert.equal(formatIdentity({ ...utf8, data: Uint8Array.of(1) }), "malformed name 01");
});

test("type and octets both make an identity", () => {
  assert.ok(!sameIdentity(parseIdentity("moon.example"), parseIdentity("email:moon.example")));
  assert.ok(!sameIdentity(parseIdentity("moon.example"), parseIdentity("sun.example")));
});

test("a hostile identity cannot write to the operator's terminal", () => {
  const data = new TextEncoder().encode("a\u001b[2J\nb\\");
  assert.equal(formatIdentity({ idType: IdentificationType.ID_FQDN, data }), "a\\x1b[2J\\x0ab\\x5c");
  assert.equal(formatIdentity({ idType: IdentificationType.ID_IPV4_ADDR, data: Uint8Array.of(1, 2) }), "malformed address 0102");
  assert.equal(formatIdentity({ idType: 240, data: Uint8Array.of(1) }), "unknown(240):01");
});
