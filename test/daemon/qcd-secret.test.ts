import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import { qcdSecret } from "../../src/daemon/qcd-secret.ts";
import { InvalidText } from "../../src/wire/errors.ts";

const scratch = mkdtempSync(join(tmpdir(), "hawser-qcd-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

test("it is made once, for its owner alone, and is the same from then on", () => {
  const path = join(scratch, "new", "secret");
  const first = qcdSecret(path, seededEntropy(1));
  assert.equal(first.length, 32);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(qcdSecret(path, seededEntropy(2)), first);
  assert.deepEqual(Uint8Array.from(readFileSync(path)), first);
});

test("a file that others may read, or that holds something else, is refused in a sentence and left as it is", () => {
  const path = join(scratch, "exposed");
  writeFileSync(path, new Uint8Array(32), { mode: 0o600 });
  chmodSync(path, 0o640);
  assert.throws(() => qcdSecret(path, seededEntropy(1)), new InvalidText(`Others than its owner may use ${path}; run: chmod 600 ${path}`));
  const short = join(scratch, "short");
  writeFileSync(short, "too short", { mode: 0o600 });
  assert.throws(() => qcdSecret(short, seededEntropy(1)), /is not a file with a secret of 32 octets\.$/);
  assert.equal(readFileSync(short, "utf8"), "too short");
  assert.throws(() => qcdSecret(scratch, seededEntropy(1)), /is not a file/);
  assert.throws(() => qcdSecret(join(short, "below"), seededEntropy(1)), /cannot be used: /);
});
