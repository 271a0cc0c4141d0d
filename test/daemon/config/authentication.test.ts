/** Certificates and keys in the configuration: what they become, and what the operator is told of those that are of no use. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ConnectionConfig } from "../../../src/ike/config.ts";
import { formatIdentity } from "../../../src/ike/identity.ts";
import { parseConfig } from "../../../src/daemon/config/load.ts";
import { ConfigError } from "../../../src/daemon/config/problems.ts";
import type { HawserConfig } from "../../../src/daemon/config/config.ts";
import { PAIRS } from "../../crypto/signature/fresh-keys.ts";
import {
  issue,
  KeyUsageBit,
  ocspResponseDer,
  revocationListDer,
  root,
  TODAY,
  type Issued,
  type Order,
} from "../../pki/support/authority.ts";

const folder = mkdtempSync(join(tmpdir(), "hawser-config-"));
after(() => rmSync(folder, { recursive: true }));

const pem = (label: string, ...ders: readonly Uint8Array[]): string =>
  ders.map((der) => `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`).join("");

function write(name: string, content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(join(folder, name), content);
  chmodSync(join(folder, name), mode);
}

/** Its key is the one of `PAIRS`, which is at hand as PEM. */
const west = (issuer: Issued, order: Order = {}): Issued =>
  issue(issuer, { subject: "O=Hawser, CN=west", dns: ["west.example"], kind: "rsa", ...order });

const authority = root("CN=authority", { keyUsage: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign] });
const middle = issue(authority, { subject: "CN=middle", authority: 0 });
write("ca.pem", pem("CERTIFICATE", authority.certificate.der));
write("ca.der", authority.certificate.der);
write("west.pem", pem("CERTIFICATE", west(middle).certificate.der, middle.certificate.der), 0o644);
write("old.pem", pem("CERTIFICATE", west(middle, { notAfter: "2026-02-01T00:00:00Z" }).certificate.der));
write("nameless.pem", pem("CERTIFICATE", west(middle, { subject: "" }).certificate.der));
write("east.pem", pem("CERTIFICATE", issue(authority, { subject: "CN=east" }).certificate.der));
write("middle.pem", pem("CERTIFICATE", middle.certificate.der));
write("west.key", PAIRS.rsa.privateKey);
write("west.pub", PAIRS.rsa.publicKey);
write("east.key", PAIRS.ed25519.privateKey);
write("east.pub", PAIRS.ed25519.publicKey);
write("list.crl", pem("X509 CRL", revocationListDer(authority)));
const rightful = west(middle);
write("ocsp.pem", pem("CERTIFICATE", rightful.certificate.der));
write("ocsp.der", ocspResponseDer(middle, rightful.certificate));
write("other.der", ocspResponseDer(authority, authority.certificate));
write("open.key", PAIRS.rsa.privateKey, 0o640);
for (const [file, type] of [
  ["encrypted.key", "pkcs8"],
  ["older.key", "pkcs1"],
] as const) {
  write(file, createPrivateKey(PAIRS.rsa.privateKey).export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "open, sesame" }));
}
write("passphrase", "open, sesame\n");
write("damaged.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
write("damaged.pem", pem("CERTIFICATE", authority.certificate.der.subarray(0, 50)));

const LOCAL = "auth: pubkey, certs: west.pem, private_key: west.key";
const REMOTE = "auth: pubkey, cacerts: ca.pem";

/** `local` is on line 4, `remote` on line 5. */
function configure(local: string, remote: string, more = ""): HawserConfig {
  const text = `connections:
  west:
    remote_addrs: 192.0.2.2
    local: { ${local} }
    remote: { ${remote} }
    children: { net: { local_ts: 10.1.0.0/16, remote_ts: 10.2.0.0/16 } }
${more}`;
  return parseConfig(join(folder, "hawser.yaml"), text, TODAY);
}

function connection(local: string, remote: string, more = ""): ConnectionConfig {
  const [only] = configure(local, remote, more).endpoint.connections;
  assert.ok(only !== undefined);
  return only;
}

function problems(local: string, remote: string, more = ""): string[] {
  try {
    configure(local, remote, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").map((line) => line.replaceAll(`${folder}/`, ""));
    throw error;
  }
  assert.fail("nothing is wrong");
}

const SECRETS = "secrets: { ike: { secret: correct horse battery staple } }\n";

describe("local authentication by signature", () => {
  it("has the certificate of the private key first, and its subject as identity", () => {
    const { local } = connection(LOCAL, REMOTE);
    assert.ok(local.auth === "pubkey");
    assert.deepEqual(
      local.credential.certificates.map(({ subject }) => subject.toString()),
      ["O=Hawser, CN=west", "CN=middle"],
    );
    assert.equal(formatIdentity(local.id), "O=Hawser, CN=west");
    assert.equal(local.sendCert, "ifasked");
  });

  it("may list its certificates in any order and several files", () => {
    const { local } = connection(LOCAL.replace("west.pem", "[middle.pem, ca.der, west.pem]"), REMOTE);
    assert.ok(local.auth === "pubkey");
    assert.equal(local.credential.certificates[0]?.subject.toString(), "O=Hawser, CN=west");
  });

  it("sends a distinguished name as it stands in the certificate", () => {
    const { local } = connection(`${LOCAL}, id: "O=Hawser, CN=west"`, REMOTE);
    assert.ok(local.auth === "pubkey");
    assert.deepEqual(local.id.data, local.credential.certificates[0]?.subject.der);
  });

  it("pads RSA by PSS, or as it is told", () => {
    for (const [told, padding] of [
      ["", "pss"],
      [", rsa_padding: pss", "pss"],
      [", rsa_padding: pkcs1", "pkcs1"],
    ] as const) {
      const { local } = connection(LOCAL + told, REMOTE);
      assert.equal(local.auth === "pubkey" && local.credential.rsaPadding, padding);
    }
  });

  it("may be by raw public key alone", () => {
    const { local } = connection("auth: pubkey, private_key: west.key, pubkeys: west.pub, id: west.example", REMOTE);
    assert.ok(local.auth === "pubkey");
    assert.deepEqual(local.credential.certificates, []);
  });

  for (const file of ["encrypted.key", "older.key"]) {
    for (const secret of ["open, sesame", "file:passphrase", "0x6f70656e2c20736573616d65"]) {
      it(`opens ${file} with the passphrase ${secret}`, () => {
        const { local } = connection(
          LOCAL.replace("west.key", file),
          REMOTE,
          `secrets: { private-west: { file: ./${file}, secret: "${secret}" } }`,
        );
        assert.ok(local.auth === "pubkey");
        assert.equal(local.credential.key.kind, "rsa");
      });
    }

    it(`says so when the passphrase of ${file} is wrong, and does not show it`, () => {
      const secrets = `secrets: { rsa: { file: ${file}, secret: "open, sesam" } }`;
      assert.deepEqual(problems(LOCAL.replace("west.key", file), REMOTE, secrets), [
        `hawser.yaml:4: connections.west.local.private_key: The file ${file} is of no use. The private key cannot be read: its passphrase is wrong, or it is damaged, or encrypted in a way that OpenSSL does not know any more.`,
      ]);
    });
  }

  for (const [secret, problem] of [
    [
      "private-west: { secret: x }",
      "private-west.file: This key is missing; it must be the path of the private key that this is the passphrase of.",
    ],
    ["private-west: { secret: x, file: west.key, id: west }", "private-west.id: A passphrase has no owner; its file says what it is for."],
    ["ike-west: { secret: 0123456789abcdef, file: x }", "ike-west.file: This is for passphrases of private keys: private-NAME."],
  ] as const) {
    it(`refuses the secret ${secret}`, () => {
      assert.deepEqual(problems(LOCAL, REMOTE, `secrets: { ${secret} }`), [`hawser.yaml:7: secrets.${problem}`]);
    });
  }

  const answering = `${LOCAL.replace("west.pem", "ocsp.pem")}, ocsp_responses: ocsp.der`;
  for (const [ocsp, own, gives, asks] of [
    ["", answering, 1, false],
    ["reply", answering, 1, false],
    ["request", LOCAL, 0, true],
    ["both", answering, 1, true],
    ["never", LOCAL, 0, false],
  ] as const) {
    it(`gives and asks for OCSP responses as ocsp: ${ocsp === "" ? "(default)" : ocsp} says`, () => {
      const { local, remote } = connection(own, REMOTE, ocsp === "" ? "" : `    ocsp: ${ocsp}\n`);
      assert.ok(local.auth === "pubkey" && remote.auth === "pubkey");
      assert.deepEqual([local.credential.ocspResponses?.length, remote.asksForOcsp], [gives, asks]);
    });
  }

  for (const ocsp of ["request", "never"]) {
    it(`refuses OCSP responses that nobody is given, with ocsp: ${ocsp}`, () => {
      assert.deepEqual(problems(answering, REMOTE, `    ocsp: ${ocsp}\n${SECRETS}`), [
        `hawser.yaml:4: connections.west.local.ocsp_responses: With ocsp: ${ocsp} nobody is given these; use ocsp: reply or both, or leave this away.`,
      ]);
    });
  }

  it("warns of a certificate that peers will refuse", () => {
    const { warnings } = configure(LOCAL.replace("west.pem", "old.pem"), REMOTE);
    assert.match(warnings[0] ?? "", /"O=Hawser, CN=west" expired on 2026-02-01 .* Peers will refuse it\.$/);
  });

  const wrong: readonly (readonly [what: string, local: string, problem: RegExp])[] = [
    ["no private key", "auth: pubkey, certs: west.pem", /^hawser\.yaml:4: connections\.west\.local: auth: pubkey needs a private key/],
    ["nothing for the key", "auth: pubkey, private_key: west.key", /local: auth: pubkey needs something to show for the private key/],
    [
      "a file that is not there",
      LOCAL.replace("west.pem", "no.pem"),
      /^hawser\.yaml:4: connections\.west\.local\.certs\[0\]: The file cannot be read: ENOENT/,
    ],
    [
      "a key that others may read",
      LOCAL.replace("west.key", "open.key"),
      /local\.private_key: Others than its owner may read .*; run: chmod 600 open\.key$/,
    ],
    [
      "an encrypted key without its passphrase",
      LOCAL.replace("west.key", "encrypted.key"),
      /private_key: The file encrypted\.key is of no use\. It is encrypted; add its passphrase to "secrets", as private-NAME: \{ file: encrypted\.key, secret: … \}\.$/,
    ],
    ["a damaged key", LOCAL.replace("west.key", "damaged.key"), /The file damaged\.key is of no use\. The private key cannot be read/],
    ["a certificate for a key", LOCAL.replace("west.key", "ca.pem"), /ca\.pem is of no use\. The private key is not a PEM file/],
    ["a key for a certificate", LOCAL.replace("west.pem", "west.key"), /west\.key is of no use\. It has PRIVATE KEY where CERTIFICATE/],
    ["a damaged certificate", LOCAL.replace("west.pem", "damaged.pem"), /damaged\.pem is of no use\. It is not DER\.$/],
    [
      "another's certificate",
      LOCAL.replace("west.pem", "east.pem"),
      /local\.certs: None of these certificates is that of the private key in west\.key/,
    ],
    ["another's public key", "auth: pubkey, private_key: west.key, pubkeys: east.pub", /This is not the public key of the private key/],
    [
      "an identity that the certificate does not hold",
      `${LOCAL}, id: east.example`,
      /^hawser\.yaml:4: connections\.west\.local\.id: The certificate "O=Hawser, CN=west" is not one of "east\.example", but of "O=Hawser, CN=west", west\.example; use one of these\.$/,
    ],
    ["no identity at all", LOCAL.replace("west.pem", "nameless.pem"), /has no subject that could stand for the id; add the id/],
    [
      "an OCSP response for another's certificate",
      `${LOCAL}, ocsp_responses: other.der`,
      /local\.ocsp_responses\[0\]: The file other\.der says nothing of the certificates in certs\.$/,
    ],
    ["an OCSP response that is none", `${LOCAL}, ocsp_responses: ca.der`, /ca\.der is of no use\. .*\.$/],
    [
      "an OCSP response and no authentication",
      "auth: null, ocsp_responses: ocsp.der",
      /local\.ocsp_responses: auth: null shows nothing of who we are; leave this away\.$/,
    ],
    [
      "a padding for a key that is not RSA",
      "auth: pubkey, private_key: east.key, pubkeys: east.pub, rsa_padding: pkcs1",
      /local\.rsa_padding: The private key in east\.key is no RSA key; leave this away\.$/,
    ],
    ["certificates with a pre-shared key", "certs: west.pem, id: west.example", /local\.certs: This has no meaning without auth: pubkey/],
  ];
  for (const [what, local, problem] of wrong) {
    it(`is refused with ${what}, in one sentence with file, line and key`, () => {
      const [first, ...more] = problems(local, REMOTE, SECRETS);
      assert.match(first ?? "", problem);
      assert.deepEqual(more, []);
    });
  }
});

describe("remote authentication by signature", () => {
  const trust = (remote: string, more = "") => {
    const { remote: resolved } = connection(LOCAL, remote, more);
    assert.ok(resolved.auth === "pubkey");
    const { anchors, certificates, publicKeys, intermediates, revocationLists, revocation } = resolved.trust;
    return {
      id: resolved.id === "%any" ? "%any" : formatIdentity(resolved.id),
      sizes: [anchors, certificates, publicKeys, intermediates, revocationLists].map(({ length }) => length),
      revocation,
    };
  };
  const authorities = "authorities:\n  ours: { cacert: ca.pem, intermediates: middle.pem, crls: list.crl }\n";

  it("trusts the authorities that are named, else all, else the peer's own certificates and keys alone", () => {
    assert.deepEqual(trust(REMOTE), { id: "192.0.2.2", sizes: [1, 0, 0, 0, 0], revocation: "relaxed" });
    assert.deepEqual(trust("auth: pubkey", authorities).sizes, [1, 0, 0, 1, 1]);
    assert.deepEqual(trust("auth: pubkey, certs: east.pem", authorities), { id: "%any", sizes: [0, 1, 0, 1, 1], revocation: "relaxed" });
    assert.deepEqual(trust("auth: pubkey, pubkeys: [east.pub, west.pub], id: e.example", authorities).sizes, [0, 0, 2, 1, 1]);
    assert.equal(trust("auth: pubkey, revocation: strict, cacerts: ca.der").revocation, "strict");
  });

  it("needs no secret unless one end has a pre-shared key", () => {
    assert.match(problems(LOCAL, "id: east.example")[0] ?? "", /There is no secret for "east\.example"/);
    assert.equal(connection(LOCAL, "id: east.example", SECRETS).remote.auth, "psk");
  });

  const wrong: readonly (readonly [what: string, remote: string, problem: RegExp, more?: string])[] = [
    ["nobody to believe", "auth: pubkey", /^hawser\.yaml:5: connections\.west\.remote: There is nobody to believe/],
    [
      "an authority that is none",
      "auth: pubkey, cacerts: east.pem",
      /remote\.cacerts\[0\]: The certificate "CN=east" is not that of an authority/,
    ],
    ["a public key of anybody", "auth: pubkey, id: '%any', pubkeys: east.pub", /pubkeys: A public key says nothing of whose it is/],
    ["a certificate for a public key", "auth: pubkey, pubkeys: ca.pem", /It has CERTIFICATE where PUBLIC KEY should be/],
    [
      "a list that is none",
      "auth: pubkey",
      /^hawser\.yaml:8: authorities\.ours\.crls\[0\]: .*It has CERTIFICATE where X509 CRL/,
      authorities.replace("list.crl", "ca.pem"),
    ],
    ["authorities with a pre-shared key", "cacerts: ca.pem", /remote\.cacerts: This has no meaning without auth: pubkey/, SECRETS],
  ];
  for (const [what, remote, problem, more = ""] of wrong) {
    it(`is refused with ${what}, in one sentence with file, line and key`, () => {
      const [first, ...others] = problems(LOCAL, remote, more);
      assert.match(first ?? "", problem);
      assert.deepEqual(others, []);
    });
  }
});
