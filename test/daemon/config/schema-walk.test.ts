import assert from "node:assert/strict";
import { test } from "node:test";
import { configReference } from "../../../src/daemon/config/reference.ts";
import { configSchema } from "../../../src/daemon/config/schema.ts";
import { documentedKeys, keysAt, noteAt } from "../../../src/daemon/config/schema-walk.ts";

test("keys are found in sections, and below names that the user chooses", () => {
  assert.deepEqual(keysAt(configSchema, []), ["connections", "secrets", "pools", "authorities", "daemon"]);
  assert.deepEqual(keysAt(configSchema, ["connections", "any", "local"]), [
    "auth",
    "id",
    "certs",
    "private_key",
    "rsa_padding",
    "ocsp_responses",
    "pubkeys",
  ]);
  assert.equal(keysAt(configSchema, ["connections"]), undefined, "any name may stand there");
  assert.equal(keysAt(configSchema, ["no", "such", "path"]), undefined);
});

test("a key's note is its own, an entry's that of its list", () => {
  assert.match(noteAt(configSchema, ["daemon", "tun", "mtu"])?.expects ?? "", /from 576/);
  assert.match(noteAt(configSchema, ["connections", "c", "children", "n", "local_ts", 3])?.expects ?? "", /list of selectors/);
  assert.equal(noteAt(configSchema, ["connections", "c", "local"]), undefined);
});

test("every key is documented once, with a default or as required, and its default can be read", () => {
  const keys = documentedKeys(configSchema).map(({ path }) => path.join("."));
  assert.equal(new Set(keys).size, keys.length);
  for (const key of ["connections.NAME.children.NAME.per_cpu_sas", "secrets.NAME.secret", "daemon.retransmit.jitter"])
    assert.ok(keys.includes(key), key);
  const required = documentedKeys(configSchema).filter(({ isRequired }) => isRequired);
  assert.deepEqual(
    required.map(({ path }) => path.at(-1)),
    ["local_ts", "remote_ts", "secret", "addrs", "cacert"],
  );
  for (const key of keys) assert.ok(configReference().includes(`| \`${key.split(".").at(-1) ?? ""}\` |`), key);
});
