import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeResolvConf } from "../../src/daemon/resolv-conf.ts";

test("the file has the servers of the moment, and nothing is left beside it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hwv-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "resolv.conf");
  writeResolvConf(path, ["10.2.0.53", "fd02::53"]);
  assert.match(readFileSync(path, "utf8"), /^# Written by hawser: .*\nnameserver 10\.2\.0\.53\nnameserver fd02::53\n$/);
  writeResolvConf(path, []);
  assert.doesNotMatch(readFileSync(path, "utf8"), /nameserver/);
  assert.deepEqual(readdirSync(folder), ["resolv.conf"]);
});

test("a file of somebody else is not touched, and a folder that is not there is a sentence", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hwv-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "resolv.conf");
  writeFileSync(path, "nameserver 192.0.2.53\n");
  assert.throws(
    () => writeResolvConf(path, ["10.2.0.53"]),
    /was not written by hawser and stays as it is; give daemon\.resolv_conf another path$/,
  );
  assert.equal(readFileSync(path, "utf8"), "nameserver 192.0.2.53\n");
  assert.throws(() => writeResolvConf(join(folder, "no", "where"), []), /^Error: the DNS servers cannot be written to .*ENOENT/);
});
