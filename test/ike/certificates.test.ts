/** Authentication by signature in IKE_AUTH: with certificates and raw public keys of every kind, and each of the ways in which it fails. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EndpointConfig } from "../../src/ike/config.ts";
import { certificateRequests } from "../../src/ike/certificate-payloads.ts";
import { sha1 } from "../../src/crypto/hash.ts";
import type { Certificate } from "../../src/pki/certificate.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { ExchangeType, NotifyType } from "../../src/wire/iana/index.ts";
import { notify } from "../../src/wire/notify.ts";
import { equalOctets } from "../../src/wire/octets.ts";
import type { CertPayload, Payload } from "../../src/wire/payload.ts";
import { KINDS } from "../crypto/signature/fresh-keys.ts";
import { issue, KeyUsageBit, revocationList, root, type Order } from "../pki/support/authority.ts";
import { assertAgreement, eventsOf, ikeStates } from "./harness/assertions.ts";
import { endpointConfig } from "./harness/configs.ts";
import { authenticationOnly, believes, byPsk, hostCertificate, signingKey, signsAs } from "./harness/credentials.ts";
import { forgerIn } from "./harness/forger.ts";
import { seededRandom } from "./harness/random.ts";
import { establishedWorld, World, type Host } from "./harness/world.ts";

type Connection = Pick<EndpointConfig["connections"][number], "local" | "remote">;

const authority = root("O=Hawser, CN=authority", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
const anchors = [authority.certificate];
const left = hostCertificate(authority, "left.example");
const right = hostCertificate(authority, "right.example");

/** Both ends by certificate, of one authority, unless a test says otherwise. */
function world(leftEnd: Partial<Connection> = {}, rightEnd: Partial<Connection> = {}): World {
  return new World({
    left: { connection: { local: signsAs("left.example", left), remote: believes("right.example", { anchors }), ...leftEnd } },
    right: { connection: { local: signsAs("right.example", right), remote: believes("left.example", { anchors }), ...rightEnd } },
  });
}

function settled(made: World, initiator: Host = made.left): string[] {
  made.initiate(initiator);
  return authenticationOnly(made.settle());
}

const authOf = (made: World, host: Host): (string | undefined)[] => {
  const [sa] = made.status(host).ikeSas;
  return [sa?.localAuth, sa?.remoteAuth];
};

/** The responder does not believe the initiator: it says no more than that, and each operator is told his own side of it. */
function assertResponderRefuses(made: World, why: RegExp): void {
  assert.equal(settled(made).at(-1), "<-- IKE_AUTH 1 R N(AUTHENTICATION_FAILED)");
  assert.deepEqual(ikeStates(made), { left: [], right: [] });
  assert.match(eventsOf(made.right, "authFailed")[0]?.text ?? "", why);
  assert.match(eventsOf(made.left, "authFailed")[0]?.text ?? "", /^The peer refused IKE_AUTH: AUTHENTICATION_FAILED\. It knows why,/);
}

/** The initiator does not believe the responder, which had believed it. */
function assertInitiatorRefuses(made: World, why: RegExp): void {
  assert.deepEqual(settled(made).slice(-2), ["INFORMATIONAL 2 N(AUTHENTICATION_FAILED) -->", "<-- INFORMATIONAL 2 R"]);
  assert.deepEqual(ikeStates(made), { left: [], right: [] });
  assert.match(eventsOf(made.left, "authFailed")[0]?.text ?? "", why);
}

describe("authentication by certificate", () => {
  for (const kind of KINDS) {
    for (const initiator of ["left", "right"] as const) {
      test(`with ${kind}, the ${initiator} end begins`, () => {
        const made = world(
          { local: signsAs("left.example", hostCertificate(authority, "left.example", { kind })) },
          { local: signsAs("right.example", hostCertificate(authority, "right.example", { kind })) },
        );
        settled(made, made.host(initiator));
        assertAgreement(made);
        const how = /^(Ed25519|Ed448|ECDSA with SHA2-\d+|RSASSA-PSS with SHA2-256), certificate "O=Hawser, CN=(left|right)\.example"$/;
        for (const host of made.hosts) for (const text of authOf(made, host)) assert.match(text ?? "", how);
      });
    }
  }

  test("with RSA and PKCS#1 v1.5 by RFC 7427, for a peer that takes no PSS", () => {
    const local = signsAs("left.example", hostCertificate(authority, "left.example", { kind: "rsa" }));
    assert.ok(local.auth === "pubkey");
    const made = world({ local: { ...local, credential: { ...local.credential, rsaPadding: "pkcs1" } } });
    settled(made);
    assertAgreement(made);
    assert.match(authOf(made, made.right).join(), /RSASSA-PKCS1-v1_5 with SHA2-256/);
  });

  test("asks for what it needs, and shows what it is asked for", () => {
    assert.deepEqual(settled(world()), [
      "IKE_SA_INIT 0 N(SIGNATURE_HASH_ALGORITHMS) -->",
      "<-- IKE_SA_INIT 0 R N(SIGNATURE_HASH_ALGORITHMS) CERTREQ",
      "IKE_AUTH 1 IDi CERT CERTREQ IDr AUTH -->",
      "<-- IKE_AUTH 1 R IDr CERT AUTH",
    ]);
  });

  test("names the authorities that it trusts by the hashes of their public keys, each once, and not without end", () => {
    const named = (many: readonly Certificate[]): CertPayload[] =>
      certificateRequests([believes("%any", { anchors: many }), byPsk("left.example")]);
    const { spki } = authority.certificate;
    assert.deepEqual(named([...anchors, ...anchors]), [{ type: "CERTREQ", encoding: 4, data: sha1(spki) }]);
    const crowd = Array.from({ length: 30 }, () => root().certificate);
    assert.equal(named(crowd)[0]?.data.length, 20 * 20);
    assert.deepEqual(named([]), []);
  });

  test("shows its intermediates after its own certificate", () => {
    const middle = issue(authority, { subject: "CN=middle", authority: 0 });
    const end = hostCertificate(middle, "left.example");
    const made = world({ local: signsAs("left.example", end, [middle.certificate]) });
    assert.equal(settled(made)[2], "IKE_AUTH 1 IDi CERT CERT CERTREQ IDr AUTH -->");
    assertAgreement(made);
  });

  test("however many they are: then in fragments", () => {
    const chain = [authority];
    for (const name of ["one", "two", "three"]) chain.push(issue(chain.at(-1), { subject: `CN=${name}`, authority: true, kind: "rsa" }));
    const end = hostCertificate(chain.at(-1) ?? authority, "left.example", { kind: "rsa" });
    const intermediates = chain.slice(1).map(({ certificate }) => certificate);
    const made = world({ local: signsAs("left.example", end, intermediates) });
    settled(made);
    assertAgreement(made);
    assert.ok(made.status(made.right).counters.fragmentsIn > 1);
  });

  test("of which the peer may have some itself", () => {
    const middle = issue(authority, { subject: "CN=middle", authority: 0 });
    const end = hostCertificate(middle, "left.example");
    const trusts = { anchors, intermediates: [middle.certificate] };
    const made = world({ local: signsAs("left.example", end) }, { remote: believes("left.example", trusts) });
    settled(made);
    assertAgreement(made);
  });

  test("send_cert never: the peer must have the certificate", () => {
    const silent = { local: signsAs("left.example", left, [], "never") };
    const made = world(silent, { remote: believes("left.example", { certificates: [left.certificate] }) });
    assert.equal(settled(made)[2], "IKE_AUTH 1 IDi CERTREQ IDr AUTH -->");
    assertAgreement(made);
    assertResponderRefuses(world(silent), /left\.example shows no certificate, and none of it is configured/);
  });

  test("send_cert always: also when nobody asks; ifasked: not then", () => {
    const unasking = { remote: believes("left.example", { anchors }, false) };
    const made = world({ local: signsAs("left.example", left, [], "always") }, unasking);
    assert.equal(settled(made)[2], "IKE_AUTH 1 IDi CERT CERTREQ IDr AUTH -->");
    assertAgreement(made);
    assertResponderRefuses(world({}, unasking), /shows no certificate/);
  });

  for (const [what, id, order] of [
    ["its subject", "O=Hawser, CN=left", { subject: "O=Hawser, CN=left" }],
    ["an e-mail address", "ops@left.example", { emails: ["ops@left.example"] }],
    ["an address", "192.0.2.1", { addresses: [Uint8Array.of(192, 0, 2, 1)] }],
    ["its key identifier", "@#040506", { keyId: Uint8Array.of(4, 5, 6) }],
  ] as const satisfies (readonly [string, string, Order])[]) {
    test(`an end may be named by ${what}`, () => {
      const made = world({ local: signsAs(id, issue(authority, order)) }, { remote: believes(id, { anchors }) });
      settled(made);
      assertAgreement(made);
      assert.equal(eventsOf(made.right, "ikeUp")[0]?.remoteId, id);
    });
  }

  test("%any takes whoever has a certificate of the authority, under its own name", () => {
    const made = world({}, { remote: believes("%any", { anchors }) });
    settled(made);
    assertAgreement(made);
    assert.equal(eventsOf(made.right, "ikeUp")[0]?.remoteId, "left.example");
    assertResponderRefuses(
      world({ local: signsAs("another.example", left) }, { remote: believes("%any", { anchors }) }),
      /calls itself another\.example, but the certificate "O=Hawser, CN=left\.example" is of "O=Hawser, CN=left\.example", left\.example\.$/,
    );
  });

  test("one end by certificate, the other by pre-shared key, either way round", () => {
    const made = world({ remote: byPsk("right.example") }, { local: byPsk("right.example") });
    assert.deepEqual(settled(made), [
      "IKE_SA_INIT 0 -->",
      "<-- IKE_SA_INIT 0 R N(SIGNATURE_HASH_ALGORITHMS) CERTREQ",
      "IKE_AUTH 1 IDi CERT IDr AUTH -->",
      "<-- IKE_AUTH 1 R IDr AUTH",
    ]);
    assertAgreement(made);
    assert.deepEqual(authOf(made, made.left), ['Ed25519, certificate "O=Hawser, CN=left.example"', "pre-shared key"]);
    const other = world({ local: byPsk("left.example") }, { remote: byPsk("left.example") });
    settled(other);
    assertAgreement(other);
    assert.deepEqual(authOf(other, other.left), ["pre-shared key", 'Ed25519, certificate "O=Hawser, CN=right.example"']);
  });

  test("of two connections for one peer, the one with its method is taken", () => {
    const ends = { local: signsAs("right.example", right), remote: believes("left.example", { anchors }) };
    const { connections } = endpointConfig("right", { connection: ends });
    const psk = { ...ends, name: "by secret", local: byPsk("right.example"), remote: byPsk("left.example") };
    const made = new World({
      left: { connection: { local: signsAs("left.example", left), remote: believes("right.example", { anchors }) } },
      right: { endpoint: { connections: [...endpointConfig("right", { connection: psk }).connections, ...connections] } },
    });
    settled(made);
    assertAgreement(made);
    assert.equal(made.status(made.right).ikeSas[0]?.connection, "tunnel");
  });

  test("how each end has proved itself is known after the IKE SA has been rekeyed", () => {
    const made = world();
    settled(made);
    made.rekeyIke(made.left);
    made.settle();
    assertAgreement(made);
    assert.match(authOf(made, made.left)[1] ?? "", /^Ed25519, certificate/);
  });
});

describe("authentication by raw public key", () => {
  const raw = (id: string, kind: (typeof KINDS)[number]) => ({
    auth: "pubkey" as const,
    id: parseIdentity(id),
    credential: { key: signingKey(kind), certificates: [] },
    sendCert: "ifasked" as const,
  });
  const known = (kind: (typeof KINDS)[number]) => ({ publicKeys: [signingKey(kind).publicKey] });

  for (const kind of KINDS) {
    test(`with ${kind}`, () => {
      const made = world(
        { local: raw("left.example", kind), remote: believes("right.example", known("ed25519")) },
        { local: raw("right.example", "ed25519"), remote: believes("left.example", known(kind)) },
      );
      assert.equal(settled(made)[2], "IKE_AUTH 1 IDi CERT CERTREQ IDr AUTH -->");
      assertAgreement(made);
      assert.match(authOf(made, made.right)[1] ?? "", /, raw public key$/);
    });
  }

  test("a peer whose key is configured may show a certificate that nobody asks for", () => {
    const always = { local: signsAs("left.example", left, [], "always") };
    const made = world(always, { remote: believes("left.example", { publicKeys: [left.key.publicKey] }) });
    settled(made);
    assertAgreement(made);
    assert.equal(authOf(made, made.right)[1], "Ed25519, raw public key");
  });

  test("a key that is not configured is refused, shown or not", () => {
    const made = world({ local: raw("left.example", "ed448") }, { remote: believes("left.example", known("ed25519")) });
    assertResponderRefuses(made, /left\.example shows a raw public key that is not configured for it/);
    const silent = { ...raw("left.example", "ecdsa-p256"), sendCert: "never" as const };
    assertResponderRefuses(
      world({ local: silent }, { remote: believes("left.example", known("ecdsa-p384")) }),
      /left\.example has not proved to have its private key/,
    );
  });
});

describe("authentication by certificate fails", () => {
  const failing: readonly (readonly [what: string, order: Order, why: RegExp])[] = [
    ["that has expired", { notAfter: "2026-11-01T00:00:00Z" }, /"O=Hawser, CN=(left|right)\.example" expired on 2026-11-01/],
    ["that is not valid yet", { notBefore: "2026-12-01T00:00:00Z" }, /is not valid before 2026-12-01/],
    ["that is for other things", { keyUsage: [KeyUsageBit.keyEncipherment] }, /is for keyEncipherment, not for digital signatures/],
    ["of somebody else", { dns: ["stranger.example"] }, /calls itself (left|right)\.example, but .* is of .*stranger\.example/],
    ["with an unknown critical extension", { extra: [{ oid: "1.2.3.4", critical: true, value: Uint8Array.of(5, 0) }] }, /1\.2\.3\.4/],
  ];
  for (const [what, order, why] of failing) {
    test(`with one ${what}, at either end`, () => {
      assertResponderRefuses(world({ local: signsAs("left.example", hostCertificate(authority, "left.example", order)) }), why);
      assertInitiatorRefuses(world({}, { local: signsAs("right.example", hostCertificate(authority, "right.example", order)) }), why);
    });
  }

  test("of an authority that is not trusted, at either end", () => {
    const stranger = root("CN=stranger");
    const why = /was issued by "CN=stranger", which is not trusted here/;
    assertResponderRefuses(world({ local: signsAs("left.example", hostCertificate(stranger, "left.example")) }), why);
    assertInitiatorRefuses(world({}, { local: signsAs("right.example", hostCertificate(stranger, "right.example")) }), why);
  });

  test("that was revoked, at either end", () => {
    const revocationLists = [revocationList(authority, { revoked: [left.certificate, right.certificate] })];
    assertResponderRefuses(world({}, { remote: believes("left.example", { anchors, revocationLists }) }), /was revoked on 2026-06-01/);
    assertInitiatorRefuses(world({ remote: believes("right.example", { anchors, revocationLists }) }), /was revoked on 2026-06-01/);
  });

  test("that is not the one that is configured", () => {
    const certificates = [right.certificate];
    assertResponderRefuses(
      world({}, { remote: believes("left.example", { certificates, anchors }) }),
      /is not one of those that are configured/,
    );
  });

  test("whose key is another's", () => {
    const stolen = { ...left, key: right.key };
    assertResponderRefuses(
      world({ local: signsAs("left.example", stolen) }),
      /left\.example has not proved to have its private key: the signature is wrong/,
    );
  });

  test("when it should be by pre-shared key, and the other way round", () => {
    const older = { local: signsAs("left.example", hostCertificate(authority, "left.example", { kind: "ecdsa-p256" })) };
    assertResponderRefuses(
      world(older, { remote: byPsk("left.example") }),
      /by ECDSA_SHA256_P256, but a pre-shared key is configured for it/,
    );
    assertResponderRefuses(world({ local: byPsk("left.example") }), /by SHARED_KEY_MIC, but a signature is configured for it/);
    assertInitiatorRefuses(world({}, { local: byPsk("right.example") }), /right\.example authenticates by SHARED_KEY_MIC/);
  });

  test("with the years: the date is asked each time", () => {
    const made = world();
    made.date += 365 * 86_400_000;
    assertResponderRefuses(made, /expired on 2027-01-01/);
  });

  test("with an EdDSA key and a peer that does not know it, before anything is proved", () => {
    const made = new World({
      left: { connection: { local: signsAs("left.example", left), remote: believes("right.example", { anchors }) } },
      right: { connection: { local: byPsk("right.example"), remote: byPsk("left.example") } },
    });
    assert.equal(settled(made).length, 2);
    assert.match(made.status(made.left).connections[0]?.lastError ?? "", /knows no signature that our key of kind ed25519 can make/);
  });

  test("with octets that are no certificate", () => {
    const broken = Object.create(left.certificate, { der: { value: Uint8Array.of(0x30, 0) } }) as typeof left.certificate;
    assertResponderRefuses(
      world({ local: signsAs("left.example", { ...left, certificate: broken }) }),
      /The peer's certificate cannot be read/,
    );
  });

  test("nothing of that is told to the peer", () => {
    const expired = hostCertificate(authority, "left.example", { notAfter: "2026-11-01T00:00:00Z" });
    const made = world({ local: signsAs("left.example", expired) });
    const answers: (readonly Payload[])[] = [];
    made.initiate();
    while (made.wire.length > 0) {
      const [next] = made.wire;
      if (next?.from === "right") answers.push(made.reader.payloads(next.octets));
      made.deliver();
    }
    assert.deepEqual(answers.at(-1), [notify(NotifyType.AUTHENTICATION_FAILED)]);
  });
});

test("whatever an initiator shows, signs and calls itself: AUTHENTICATION_FAILED or INVALID_SYNTAX, and nothing is left", () => {
  const random = seededRandom(7427);
  const damage = (octets: Uint8Array): Uint8Array => {
    const copy = octets.slice(0, random.chance(0.3) ? random.below(octets.length + 1) : octets.length);
    for (let count = random.below(4); count >= 0 && copy.length > 0; count--) copy[random.below(copy.length)] = random.below(256);
    return equalOctets(copy, octets) ? damage(octets) : copy;
  };
  const middle = issue(authority, { subject: "CN=middle", authority: 0 });
  const end = hostCertificate(middle, "left.example", { kind: "ecdsa-p256" });
  for (let round = 0; round < 150; round++) {
    const made = world({ local: signsAs("left.example", end, [middle.certificate]) });
    const forger = forgerIn(made);
    made.initiate();
    made.deliver();
    made.deliver();
    const request = made.hold();
    // One of what the proof is made of.
    const concerned = made.reader.payloads(request.octets).map((payload, index) => ({ payload, index }));
    const victim = random.pick(concerned.filter(({ payload: { type } }) => type === "CERT" || type === "AUTH" || type === "IDi"))?.index;
    const payloads = concerned.map(({ payload, index }): Payload => {
      if (index !== victim || !("data" in payload)) return payload;
      return payload.type === "CERT" && random.chance(0.2)
        ? { ...payload, encoding: random.below(20), data: damage(payload.data) }
        : { ...payload, data: damage(payload.data) };
    });
    made.arrive({ ...request, octets: forger.request({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    assert.match(authenticationOnly([made.lose("right")])[0] ?? "", /^<-- IKE_AUTH 1 R( N\(AUTHENTICATION_FAILED\))?$/, `round ${round}`);
    assert.deepEqual(ikeStates(made).right, [], `round ${round}`);
    assert.equal(made.status(made.right).counters.drops["internal"], undefined);
  }
});

test("a world by pre-shared key says so", () => {
  const made = establishedWorld();
  assert.deepEqual(authOf(made, made.left), ["pre-shared key", "pre-shared key"]);
});

describe("a certificate that expires while the IKE SA lives", () => {
  const soon = { notAfter: "2026-11-24T14:00:00Z" };

  test("its own, or that of an authority above it: the IKE SA is closed then, also after a rekey", () => {
    const brief = root("O=Hawser, CN=brief authority", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign], ...soon });
    for (const [issuer, order] of [
      [authority, soon],
      [brief, {}],
    ] as const) {
      const made = world(
        { local: signsAs("left.example", hostCertificate(issuer, "left.example", order)) },
        { remote: believes("left.example", { anchors: [issuer.certificate] }) },
      );
      settled(made);
      made.rekeyIke(made.left);
      made.settle();
      made.run(3600_000);
      assertAgreement(made);
      made.run(3600_000);
      assert.deepEqual(ikeStates(made), { left: [], right: [] });
      assert.match(eventsOf(made.right, "ikeDown").at(-1)?.why ?? "", /certificate that vouches for the peer has expired on 2026-11-24/);
      made.initiate();
      made.settle();
      assert.match(eventsOf(made.right, "authFailed")[0]?.text ?? "", /expired on 2026-11-24/);
    }
  });

  test("children that are to be up are asked for again, for which the peer has to prove itself anew", () => {
    const made = new World({
      left: {
        connection: { local: signsAs("left.example", left), remote: believes("right.example", { anchors }) },
        child: { startAction: "start" },
      },
      right: {
        connection: {
          local: signsAs("right.example", hostCertificate(authority, "right.example", soon)),
          remote: believes("left.example", { anchors }),
        },
      },
    });
    made.run(0);
    assertAgreement(made);
    made.run(2 * 3600_000);
    assert.match(eventsOf(made.left, "ikeDown")[0]?.why ?? "", /expired on 2026-11-24/);
    assert.match(eventsOf(made.left, "authFailed")[0]?.text ?? "", /expired on 2026-11-24/, "it was tried");
    assert.deepEqual(ikeStates(made).left, []);
  });

  test("a date that is set back puts it off", () => {
    const made = world({ local: signsAs("left.example", hostCertificate(authority, "left.example", soon)) });
    settled(made);
    made.run(3600_000);
    made.date -= 10 * 3600_000;
    made.run(5 * 3600_000);
    assertAgreement(made);
  });
});
