import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const isSource = import.meta.url.endsWith(".ts");
const MAIN = fileURLToPath(new URL(`../../src/cli/main${isSource ? ".ts" : ".js"}`, import.meta.url));
const PACKAGE = JSON.parse(readFileSync(new URL(isSource ? "../../package.json" : "../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

function hawser(...parameters: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...(isSource ? ["--import", "tsx"] : []), MAIN, ...parameters], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const CONFIG = `connections:
  west:
    remote_addrs: 192.0.2.2
    local: { id: west.example }
    children:
      net: { local_ts: 10.1.0.0/16, remote_ts: 10.2.0.0/16 }
secrets:
  ike-east: { secret: sixteen octets.. }
`;

function configFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-cli-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "h.yaml");
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

test("help and version are no failures", () => {
  const help = hawser("--help");
  assert.equal(help.status, 0);
  for (const verb of ["up", "status", "down", "initiate", "terminate", "rekey", "check", "reference"])
    assert.match(help.stdout, new RegExp(`^ {2}${verb}\\b`, "m"));
  assert.match(help.stdout, /Exit status:\n {2}0 {2}all went well/);
  const version = hawser("--version");
  assert.deepEqual([version.status, version.stdout], [0, `${PACKAGE.version}\n`]);
  assert.equal(hawser("status", "--help").status, 0);
});

test("wrong arguments end with 2 and say what is wrong", () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["explode"], /unknown command 'explode'/],
    [["statsu"], /Did you mean status\?/],
    [["up"], /required option '-c, --config <file>'/],
    [["status", "--jsn"], /unknown option '--jsn'/],
    [["terminate"], /name a connection, or one SA by --ike-id or --child-id/],
    [["terminate", "west", "--ike-id", "1"], /only one of these/],
    [["rekey"], /name one SA, by --ike-id or by --child-id/],
    [["rekey", "--ike-id", "x"], /It must be a whole number from 0/],
    [["up", "-c", "x", "--log-format", "xml"], /Allowed choices are human, json/],
  ];
  for (const [parameters, message] of cases) {
    const { status, stdout, stderr } = hawser(...parameters);
    assert.equal(status, 2, parameters.join(" "));
    assert.match(stderr, message);
    assert.equal(stdout, "");
  }
  assert.equal(hawser().status, 2, "no verb at all");
});

test("check tells that a configuration is fine, or every mistake in it, and ends accordingly", (t) => {
  const file = configFile(t, CONFIG);
  assert.deepEqual(hawser("check", "-c", file), {
    status: 0,
    stdout: `${file} is fine: connections 1, children 1, secrets 1.\n`,
    stderr: "",
  });
  const broken = configFile(t, CONFIG.replace("remote_addrs", "remote_adrs").replace("10.2.0.0/16", "10.2.0.0/40"));
  const { status, stdout, stderr } = hawser("check", "-c", broken);
  assert.deepEqual([status, stdout], [2, ""]);
  assert.match(
    stderr,
    new RegExp(
      `^${broken}:3: connections\\.west\\.remote_adrs: .+ did you mean "remote_addrs"\\?\n${broken}:6: connections\\.west\\.children\\.net\\.remote_ts\\[0\\]: .+\n$`,
    ),
  );
  assert.equal(hawser("up", "-c", broken).status, 2, "up ends before it begins");
  assert.equal(hawser("check", "-c", "/nonexistent").status, 2);
});

test("without a daemon the verbs that ask one end with 4", (t) => {
  const socket = join(mkdtempSync(join(tmpdir(), "hawser-none-")), "h.sock");
  t.after(() => rmSync(join(socket, ".."), { recursive: true, force: true }));
  for (const parameters of [["status"], ["down"], ["initiate", "west"], ["terminate", "west"], ["rekey", "--ike-id", "1"]]) {
    const { status, stdout, stderr } = hawser(...parameters, "--socket", socket);
    assert.deepEqual([status, stdout], [4, ""], parameters.join(" "));
    assert.match(stderr, /^hawser: No daemon listens on /);
  }
  const file = configFile(t, `${CONFIG}daemon: { control_socket: ${socket} }\n`);
  assert.match(hawser("status", "-c", file).stderr, new RegExp(`No daemon listens on ${socket}`), "the socket is the configuration's");
});

const readme = readFileSync(new URL(isSource ? "../../README.md" : "../../../README.md", import.meta.url), "utf8");

/** Tables are told by their cells, not by how they are aligned. */
const unaligned = (text: string): string => text.replaceAll(/-{3,}/g, "---").replaceAll(/ {2,}/g, " ");

test("README.md has the reference of the configuration as the program prints it", () => {
  const { status, stdout } = hawser("reference");
  assert.equal(status, 0);
  assert.ok(stdout.includes("| `local_ts` | **required** |"));
  assert.ok(unaligned(readme).includes(unaligned(stdout.trim())), "put the output of `hawser reference` into README.md");
});

test("README.md tells every exit status as the program does", () => {
  const statuses = [...hawser("--help").stdout.matchAll(/^ {2}(\d) {2}(.+)$/gm)];
  assert.equal(statuses.length, 6);
  for (const [, code = "", text = ""] of statuses) assert.ok(unaligned(readme).includes(`| ${code} | ${text} |`), text);
});

test("the configuration in README.md is one that the program takes", (t) => {
  const sample = /```yaml\n([^]+?)```/.exec(readme)?.[1];
  const file = configFile(t, sample ?? "");
  writeFileSync(join(file, "..", "east.psk"), "sixteen octets..\n", { mode: 0o600 });
  assert.deepEqual(hawser("check", "-c", file), {
    status: 0,
    stdout: `${file} is fine: connections 1, children 1, secrets 1.\n`,
    stderr: "",
  });
});
