import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitCode } from "../../src/daemon/exit-codes.ts";
import { requireEngine } from "../../src/daemon/require-engine.ts";

const PROBES = [
  { name: "ipsec-mb", available: false, reason: "libIPSec_MB.so.1 is not installed" },
  { name: "node", available: true, version: "20" },
] as const;

test("an engine that works, or any, is fine", () => {
  requireEngine("node", () => PROBES);
  requireEngine("auto", () => assert.fail("nothing need be probed"));
});

test("one that does not is told with the reason", () => {
  assert.throws(() => requireEngine("ipsec-mb", () => PROBES), {
    exitCode: ExitCode.MISSING,
    message: "The engine ipsec-mb cannot be used here: libIPSec_MB.so.1 is not installed; install what it needs, or use engine: auto.",
  });
  assert.throws(() => requireEngine("openssl", () => PROBES), { exitCode: ExitCode.MISSING });
});
