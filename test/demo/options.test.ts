import assert from "node:assert/strict";
import { test } from "node:test";
import { configFile } from "../../src/demo/config-file.ts";
import { parseDemoOptions } from "../../src/demo/options.ts";
import { demoHosts } from "../../src/demo/topology.ts";
import { parseConfig } from "../../src/daemon/config/load.ts";

test("without options the demonstration takes all CPUs and its defaults", () => {
  assert.deepEqual(parseDemoOptions([], 3), {
    cpus: 3,
    seconds: 4,
    json: false,
    keep: false,
    scheme: "rfc9611",
    engine: "auto",
    outer: 4,
    inner: 4,
    sender: "auto",
  });
});

test("both ends' configurations are ones that the daemon takes, for all that can be asked", () => {
  for (const parameters of [[], ["--outer", "6"], ["--inner", "6", "--scheme", "stub", "--cpus", "5", "--engine", "node"]]) {
    const options = parseDemoOptions(parameters, 2);
    const [left, right] = demoHosts(options.outer, options.inner);
    for (const [self, peer] of [
      [left, right],
      [right, left],
    ] as const) {
      const text = configFile(self, peer, options, { controlSocket: "/tmp/s.sock", secret: "/dev/null" }).replace(
        "file:/dev/null",
        "sixteen octets..",
      );
      const { endpoint, daemon, warnings } = parseConfig(`${self.end}.yaml`, text);
      assert.deepEqual(warnings, []);
      assert.equal(endpoint.connections[0]?.children[0]?.perCpuSas, true);
      assert.equal(endpoint.connections[0].children[0].scheme, options.scheme);
      assert.deepEqual(daemon.cpus, { kind: "count", count: options.cpus });
    }
  }
});

test("what cannot be done is refused", () => {
  for (const parameters of [["--cpus", "0"], ["--seconds", "x"], ["--scheme", "best"], ["--outer", "5"], ["stray"]]) {
    assert.throws(() => parseDemoOptions(parameters, 2), { name: "CommanderError" });
  }
});
