import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KeyLog } from "../../src/daemon/key-log.ts";
import type { KeyMaterial } from "../../src/ike/events.ts";
import { espSpi } from "../../src/ipsec/names.ts";
import { EncryptionAlgorithm, IntegrityAlgorithm } from "../../src/wire/iana/index.ts";
import { concat } from "../../src/wire/octets.ts";

const octets = (first: number): Uint8Array => Uint8Array.of(first, first + 1);

const IKE: Extract<KeyMaterial, { kind: "ike" }> = {
  kind: "ike",
  initiatorSpi: "0102030405060708",
  responderSpi: "1112131415161718",
  encryption: { id: EncryptionAlgorithm.ENCR_AES_GCM_16, keyLength: 128 },
  integrity: undefined,
  skEi: octets(1),
  skEr: octets(3),
  skAi: new Uint8Array(0),
  skAr: new Uint8Array(0),
};

const ESP: Extract<KeyMaterial, { kind: "esp" }> = {
  kind: "esp",
  source: { address: "192.0.2.1", port: 4500 },
  destination: { address: "192.0.2.2", port: 4500 },
  spi: espSpi(0xc0ffee),
  cipher: "aes128gcm16",
  esn: true,
  keymat: octets(5),
};

function keyLog(t: { after: (fn: () => void) => void }) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-keys-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, read: (table: string) => readFileSync(join(directory, table), "utf8") };
}

test("keys become lines of Wireshark's tables", (t) => {
  const { directory, read } = keyLog(t);
  const log = new KeyLog(directory);
  log.note(IKE);
  log.note({
    ...IKE,
    encryption: { id: EncryptionAlgorithm.ENCR_AES_CBC, keyLength: 256 },
    integrity: IntegrityAlgorithm.AUTH_HMAC_SHA2_256_128,
    skAi: octets(7),
    skAr: octets(9),
  });
  log.note(ESP);
  log.note({ ...ESP, source: { address: "2001:db8::1", port: 4500 }, destination: { address: "2001:db8::2", port: 4500 } });
  assert.deepEqual(read("ikev2_decryption_table").split("\n"), [
    '0102030405060708,1112131415161718,0102,0304,"AES-GCM-128 with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"',
    '0102030405060708,1112131415161718,0102,0304,"AES-CBC-256 [RFC3602]",0708,090a,"HMAC_SHA2_256_128 [RFC4868]"',
    "",
  ]);
  assert.deepEqual(read("esp_sa").split("\n"), [
    '"IPv4","192.0.2.1","192.0.2.2","0x00c0ffee","AES-GCM with 16 octet ICV [RFC4106]","0x0506","NULL",""',
    '"IPv6","2001:db8::1","2001:db8::2","0x00c0ffee","AES-GCM with 16 octet ICV [RFC4106]","0x0506","NULL",""',
    "",
  ]);
});

test("a cipher with a separate MAC has a key for each, and the nonce of AES-CTR stands behind its key", (t) => {
  const { directory, read } = keyLog(t);
  const log = new KeyLog(directory);
  const repeated = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
  log.note({ ...ESP, cipher: "aes128-sha256", keymat: concat(repeated(16, 1), repeated(32, 2)) });
  log.note({ ...ESP, cipher: "aes256ctr-sha512", keymat: concat(repeated(36, 3), repeated(64, 4)) });
  log.note({ ...ESP, cipher: "aes192gcm12", keymat: repeated(28, 5) });
  const sa = '"IPv4","192.0.2.1","192.0.2.2","0x00c0ffee"';
  assert.deepEqual(read("esp_sa").split("\n"), [
    `${sa},"AES-CBC [RFC3602]","0x${"01".repeat(16)}","HMAC-SHA-256-128 [RFC4868]","0x${"02".repeat(32)}"`,
    `${sa},"AES-CTR [RFC3686]","0x${"03".repeat(36)}","HMAC-SHA-512-256 [RFC4868]","0x${"04".repeat(64)}"`,
    `${sa},"AES-GCM with 12 octet ICV [RFC4106]","0x${"05".repeat(28)}","NULL",""`,
    "",
  ]);
});

test("what Wireshark has no name for is left out, so that it can read the rest", (t) => {
  const { directory, read } = keyLog(t);
  const log = new KeyLog(directory);
  log.note({ ...IKE, encryption: { id: EncryptionAlgorithm.ENCR_CHACHA20_POLY1305, keyLength: 256 } });
  log.note({ ...ESP, cipher: "chacha20poly1305" });
  assert.equal(read("ikev2_decryption_table") + read("esp_sa"), "");
});

test("the tables are their owner's alone, also when they were there before, and begin empty", (t) => {
  const { directory, read } = keyLog(t);
  const table = join(directory, "esp_sa");
  writeFileSync(table, "old");
  chmodSync(table, 0o644);
  new KeyLog(directory);
  assert.equal(read("esp_sa"), "");
  for (const name of ["esp_sa", "ikev2_decryption_table"]) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
});

test("a directory that cannot be made is a sentence", (t) => {
  const { directory } = keyLog(t);
  const file = join(directory, "file");
  writeFileSync(file, "");
  assert.throws(() => new KeyLog(join(file, "keys")), {
    name: "Failure",
    message: new RegExp(`^The keys cannot be written to daemon\\.key_log, ${file}/keys: ENOTDIR.+\\.$`),
  });
});
