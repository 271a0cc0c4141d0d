import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { HawserConfig } from "../../../src/daemon/config/config.ts";
import { loadConfig, parseConfig } from "../../../src/daemon/config/load.ts";
import { ConfigError } from "../../../src/daemon/config/problems.ts";
import { defaultEspProposals, defaultIkeProposals } from "../../../src/crypto/algorithms.ts";
import { DEFAULT_CHILD_SETTINGS, DEFAULT_CONNECTION_SETTINGS, DEFAULT_ENDPOINT_SETTINGS } from "../../../src/ike/config.ts";
import { formatIdentity, parseIdentity } from "../../../src/ike/identity.ts";
import { parseAddress } from "../../../src/wire/address.ts";
import { formatConfiguredSelector } from "../../../src/ipsec/dynamic-selectors.ts";

/** The least that is a configuration: line 1 is `connections:`. */
const MINIMAL = `connections:
  west:
    remote_addrs: 192.0.2.2
    local:
      id: west.example
    children:
      net:
        local_ts: 10.1.0.0/16
        remote_ts: 10.2.0.0/16
secrets:
  ike-east:
    secret: "correct horse battery staple"
`;

const FULL = `connections:
  west:
    local_addrs: [192.0.2.1, 2001:DB8::1]
    remote_addrs: 192.0.2.2, 198.51.100.0/24
    local_port: 1500
    remote_port: 2500
    proposals: aes256gcm16-prfsha384-ecp384, aes128gcm16-prfsha256-x25519
    local: { auth: psk, id: west@example.org }
    remote: { auth: psk, id: "keyid:east" }
    vips: 0.0.0.0, fd09::7
    pools: [clients]
    ppk_id: qkd-1
    ppk_required: yes
    dpd_delay: 30s
    rekey_time: 2h
    over_time: 10m
    unique: replace
    max_ike_sas: 5
    keyingtries: 0
    fragmentation: accept
    childless: prefer
    children:
      net:
        local_ts: [10.1.0.0/16, "fd01::/64[tcp/443]"]
        remote_ts: 10.2.0.0/16,fd02::/64
        esp_proposals: [chacha20poly1305-esn]
        start_action: trap
        rekey_time: 50m
        life_time: 1h
        rekey_bytes: 1G
        life_bytes: 2G
        rekey_packets: 1M
        life_packets: 2M
        per_cpu_sas: yes
        multi_sa_scheme: cpu-queues
        on_missing_sa: hold
        max_sas: 7
        max_ts_pairs: 9
        max_cpu_ratio: 4
        idle_timeout: 10m
        replay_window: 128
        copy_dscp: no
        copy_ecn: false
secrets:
  ike-a: { secret: 0x000102030405060708090a0b0c0d0e0f, id: west@example.org, id-peer: "keyid:east" }
  ike-b: { secret: 0sAAECAwQFBgcICQoLDA0ODw==, id: [east.example, 192.0.2.9] }
  ppk-other: { secret: somebody else's, id: qkd-2 }
  ppk-east: { secret: 0x000102030405060708090a0b0c0d0e0f, id: [qkd-0, qkd-1] }
pools:
  clients: { addrs: 10.9.0.0/24, dns: "10.2.0.53, fd02::53", subnet: [10.2.0.0/16] }
daemon:
  application_version: Hawser
  resolv_conf: /tmp/resolv.conf
  tun: { name: hwsr7, mtu: 1400, addresses: [10.1.0.1/16, fd01::1], dispatch: flow }
  cpus: 0-1
  engine: openssl
  control_socket: /tmp/h.sock
  qcd_secret: /tmp/qcd
  key_log: /tmp/keys
  log_level: debug
  ike_port: 1500
  nat_port: 14500
  max_sas_per_cpu: 64
  window_size: 4
  fragment_size: 600
  nat_keepalive: 0
  half_open_limit: 10
  cookie_threshold: 3
  per_source_limit: 2
  half_open_timeout: 5s
  delete_grace: 2s
  cpu_queues_notify: 41000
  cpu_queue_info_notify: 41001
  retransmit: { timeout: 500ms, base: 2, tries: 3, jitter: 0 }
`;

function problems(text: string): string[] {
  try {
    parseConfig("h.yaml", text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split("\n");
  }
  return [];
}

/** MINIMAL with one line put in the place of what begins with `start`. */
function edited(start: string, ...lines: string[]): string {
  assert.ok(MINIMAL.includes(start));
  return MINIMAL.split("\n")
    .flatMap((line) => (line.startsWith(start) ? lines : [line]))
    .join("\n");
}

function only<T>(items: readonly T[]): T {
  assert.equal(items.length, 1);
  return items[0] as T;
}

test("what is not said has the defaults that the endpoint has by itself", () => {
  const { endpoint, daemon, warnings } = parseConfig("h.yaml", MINIMAL);
  const { connections, secrets, ...settings } = endpoint;
  assert.deepEqual(settings, DEFAULT_ENDPOINT_SETTINGS);
  const { name, remoteAddrs, proposals, local, remote, children, ...connectionSettings } = only(connections);
  assert.deepEqual(connectionSettings, DEFAULT_CONNECTION_SETTINGS);
  assert.deepEqual([name, remoteAddrs], ["west", ["192.0.2.2"]]);
  assert.deepEqual(
    proposals.map(({ transforms }) => transforms),
    defaultIkeProposals().map(({ transforms }) => transforms),
  );
  assert.equal(formatIdentity(local.id), "west.example");
  assert.ok(remote.id !== "%any");
  assert.equal(formatIdentity(remote.id), "192.0.2.2");
  const { name: childName, localTs, remoteTs, espProposals, ...childSettings } = only(children);
  assert.deepEqual(childSettings, DEFAULT_CHILD_SETTINGS);
  assert.deepEqual([childName, ...[...localTs, ...remoteTs].map(formatConfiguredSelector)], ["net", "10.1.0.0/16", "10.2.0.0/16"]);
  assert.deepEqual(
    espProposals.map(({ transforms }) => transforms),
    defaultEspProposals().map(({ transforms }) => transforms),
  );
  assert.deepEqual(secrets, [{ name: "ike-east", ids: [], secret: new TextEncoder().encode("correct horse battery staple") }]);
  assert.deepEqual(daemon, {
    tun: { name: "hawser0", mtu: undefined, addresses: [], dispatch: "cpu" },
    cpus: { kind: "all" },
    engine: "auto",
    controlSocket: "/run/hawser/hawser.sock",
    qcdSecret: "/run/hawser/hawser.sock.qcd",
    keyLog: undefined,
    resolvConf: undefined,
    logLevel: "info",
    maxSasPerCpu: 512,
  });
  assert.deepEqual(warnings, []);
});

test("default in a list of proposals stands for the built-in ones; the list numbers them", () => {
  const text = MINIMAL.replace("children:", "proposals: [aes256gcm16-prfsha384-ecp384, default]\n    children:");
  const { proposals } = only(parseConfig("h.yaml", text).endpoint.connections);
  assert.deepEqual(
    proposals.map(({ number, transforms }) => [number, transforms.length]),
    [[1, 3], ...defaultIkeProposals().map(({ transforms }, index) => [index + 2, transforms.length])],
  );
});

test("every key reaches its place", () => {
  const { endpoint, daemon } = parseConfig("h.yaml", FULL);
  const { connections, secrets, ...settings } = endpoint;
  assert.deepEqual(settings, {
    halfOpenLimit: 10,
    cookieThreshold: 3,
    perSourceLimit: 2,
    halfOpenTimeout: 5000,
    retransmit: { timeout: 500, base: 2, tries: 3, jitter: 0 },
    natKeepalive: 0,
    fragmentSize: 600,
    windowSize: 4,
    deleteGrace: 2000,
    draftNotifies: { cpuQueues: 41_000, cpuQueueInfo: 41_001 },
    ikePort: 1500,
    natPort: 14_500,
    applicationVersion: "Hawser",
    pools: [
      {
        name: "clients",
        range: { family: 4, start: parseAddress("10.9.0.1").value, end: parseAddress("10.9.0.254").value },
        dnsServers: [parseAddress("10.2.0.53"), parseAddress("fd02::53")],
        subnets: [{ ...parseAddress("10.2.0.0"), length: 16 }],
      },
    ],
  });
  const { proposals, local, remote, children, ppk, ...connection } = only(connections);
  assert.deepEqual(connection, {
    name: "west",
    localAddrs: ["192.0.2.1", "2001:db8::1"],
    remoteAddrs: ["192.0.2.2", "198.51.100.0/24"],
    localPort: 1500,
    remotePort: 2500,
    dpdDelay: 30_000,
    rekeyTime: 7_200_000,
    overTime: 600_000,
    unique: "replace",
    maxIkeSas: 5,
    keyingTries: 0,
    encap: true,
    fragmentation: "accept",
    mobike: true,
    childless: "prefer",
    vips: [parseAddress("0.0.0.0"), parseAddress("fd09::7")],
    pools: ["clients"],
  });
  assert.deepEqual(
    proposals.map(({ number }) => number),
    [1, 2],
  );
  assert.ok(remote.id !== "%any");
  assert.deepEqual(
    [local.auth, formatIdentity(local.id), remote.auth, formatIdentity(remote.id)],
    ["psk", "west@example.org", "psk", "@#65617374"],
  );
  const { localTs, remoteTs, espProposals, ...child } = only(children);
  assert.deepEqual(child, {
    name: "net",
    mode: "tunnel",
    startAction: "trap",
    rekeyTime: 3_000_000,
    lifeTime: 3_600_000,
    rekeyBytes: 2 ** 30,
    lifeBytes: 2 ** 31,
    rekeyPackets: 1e6,
    lifePackets: 2e6,
    perCpuSas: true,
    scheme: "cpu-queues",
    onMissingSa: "hold",
    maxSas: 7,
    maxTsPairs: 9,
    maxCpuRatio: 4,
    idleTimeout: 600_000,
    copyDscp: false,
    copyEcn: false,
    replayWindow: 128,
  });
  assert.deepEqual(localTs.map(formatConfiguredSelector), ["10.1.0.0/16", "fd01::/64[tcp/443]"]);
  assert.deepEqual(remoteTs.map(formatConfiguredSelector), ["10.2.0.0/16", "fd02::/64"]);
  assert.equal(espProposals.length, 1);
  const sixteen = Uint8Array.from({ length: 16 }, (_, i) => i);
  assert.deepEqual(ppk, { id: parseIdentity("qkd-1"), secret: sixteen, required: true });
  assert.deepEqual(
    secrets.map(({ name, ids, secret }) => [name, ids.map(formatIdentity), secret]),
    [
      ["ike-a", ["west@example.org", "@#65617374"], sixteen],
      ["ike-b", ["east.example", "192.0.2.9"], sixteen],
    ],
  );
  assert.deepEqual(daemon, {
    tun: {
      name: "hwsr7",
      mtu: 1400,
      addresses: [
        { address: "10.1.0.1", prefixLength: 16 },
        { address: "fd01::1", prefixLength: 128 },
      ],
      dispatch: "flow",
    },
    cpus: { kind: "list", cpus: [0, 1] },
    engine: "openssl",
    controlSocket: "/tmp/h.sock",
    qcdSecret: "/tmp/qcd",
    keyLog: "/tmp/keys",
    resolvConf: "/tmp/resolv.conf",
    logLevel: "debug",
    maxSasPerCpu: 64,
  } satisfies HawserConfig["daemon"]);
});

test("a child may say how packets come to workers; as there is one device, no two may say it differently", () => {
  const say = (...children: readonly string[]): string => edited("        remote_ts", "        remote_ts: 10.2.0.0/16", ...children);
  const more = (name: string, dispatch: string): string[] => [
    `      ${name}:`,
    "        local_ts: 10.1.0.0/16",
    "        remote_ts: 10.3.0.0/16",
    `        dispatch: ${dispatch}`,
  ];
  assert.equal(parseConfig("h.yaml", say("        dispatch: round-robin")).daemon.tun.dispatch, "round-robin");
  assert.equal(parseConfig("h.yaml", say("        dispatch: flow", ...more("b", "flow"))).daemon.tun.dispatch, "flow");
  assert.throws(() => parseConfig("h.yaml", say("        dispatch: flow", ...more("b", "cpu"))), {
    message:
      /h\.yaml:\d+: connections\.west\.children\.b\.dispatch: All children share one TUN device, and connections\.west\.children\.net\.dispatch is flow; it must be the same here\./,
  });
});

test("each mistake is told with its line, its key, and what would be right", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      edited("    remote_addrs", "    remot_addrs: 192.0.2.2"),
      /^h\.yaml:3: connections\.west\.remot_addrs: There is no key "remot_addrs" here; did you mean "remote_addrs"\?$/m,
    ],
    [
      edited("    remote_addrs", "    colour: red"),
      /^h\.yaml:3: connections\.west\.colour: There is no key "colour" here; the keys here are local_addrs, remote_addrs, /m,
    ],
    [
      edited("        local_ts"),
      /^h\.yaml:7: connections\.west\.children\.net\.local_ts: This key is missing; it must be a list of selectors such as /m,
    ],
    [edited("        local_ts", "        local_ts:"), /^h\.yaml:8: connections\.west\.children\.net\.local_ts\[0\]: "" is not a/m],
    [
      edited("        local_ts", "        local_ts: [10.1.0.0/16,", "          10.3.0.0/33]"),
      /^h\.yaml:9: connections\.west\.children\.net\.local_ts\[1\]: "10\.3\.0\.0\/33" needs a prefix length from 0 to 32/m,
    ],
    [
      edited("        local_ts", "        local_ts: { a: b }"),
      /^h\.yaml:8: connections\.west\.children\.net\.local_ts: Here stands a mapping; it must be a list of selectors/m,
    ],
    [edited("        local_ts", "        local_ts: []"), /^h\.yaml:8: connections\.west\.children\.net\.local_ts: The list is empty\.$/m],
    [
      edited("    local:", "    local: west.example", "    children_:"),
      /^h\.yaml:4: connections\.west\.local: Here stands the text "west\.example"; it must be a mapping from keys to values\.$/m,
    ],
    [
      edited("    remote_addrs", "    remote_addrs: east.example"),
      /^h\.yaml:3: .*"east\.example" is not an IP address, a prefix, a range or "%any" \(host names are not resolved\)\.$/m,
    ],
    [
      edited("    remote_addrs", "    remote_addrs: 192.0.2.2", "    proposals: des-md5"),
      /^h\.yaml:4: connections\.west\.proposals\[0\]: .*des/m,
    ],
    [
      edited("    remote_addrs", "    remote_addrs: 192.0.2.2", "    dpd_delay: soon"),
      /^h\.yaml:4: connections\.west\.dpd_delay: "soon" is not a duration; write it as 300s, 5m, 1h or 1d\.$/m,
    ],
    [
      edited("    local:", "    local:", "      auth: eap"),
      /^h\.yaml:5: connections\.west\.local\.auth: "eap" is not one of psk, pubkey, null\.$/m,
    ],
    [
      edited("      id: west", '      id: "CN=west, west"'),
      /^h\.yaml:5: connections\.west\.local\.id: The identity "CN=west, west" cannot be read: "west" is not an attribute/m,
    ],
    [
      edited("      id: west", "      auth: psk"),
      /^h\.yaml:4: connections\.west\.local\.id: This key is missing, and local_addrs has no address that could stand for it/m,
    ],
    [
      edited("  ike-east:", "  east:"),
      /^h\.yaml:11: secrets\.east: The name of a secret must begin with "ike" \(as in ike-east\), with "ppk", or with "private"/m,
    ],
    [edited("    local:", "    ppk_required: yes", "    local:"), /^h\.yaml:4: connections\.west\.ppk_required: Which one\? Add ppk_id/m],
    [
      edited("    local:", "    ppk_id: qkd-1", "    local:"),
      /^h\.yaml:4: connections\.west\.ppk_id: There is no PPK "qkd-1"; add a secret/m,
    ],
    [edited("    secret:", "    secret: 0xabc"), /^h\.yaml:12: secrets\.ike-east\.secret: /m],
    [edited("    secret:", "    secret: 0s???"), /^h\.yaml:12: secrets\.ike-east\.secret: What follows 0s is not base64\.$/m],
    [
      edited("    secret:", "    secret: file:/nonexistent/psk"),
      /^h\.yaml:12: secrets\.ike-east\.secret: The file of this secret cannot be read: ENOENT/m,
    ],
    [
      edited("    secret:", "    secret: sixteen octets..", "    owner: me"),
      /^h\.yaml:13: secrets\.ike-east\.owner: There is no key "owner" here; the keys here are secret, file, id, and id-SUFFIX\.$/m,
    ],
    [
      edited("    secret:", "    secret: sixteen octets..", "    id-2: ''"),
      /^h\.yaml:13: secrets\.ike-east\.id-2: An identity must not be empty\.$/m,
    ],
    [
      edited("    secret:", "    secret: sixteen octets..", "    id: somebody.else"),
      /^h\.yaml:2: connections\.west\.remote: There is no secret for "192\.0\.2\.2"; add one to "secrets"/m,
    ],
    [
      edited("        remote_ts", "        remote_ts: fd02::/64"),
      /^h\.yaml:9: .*remote_ts: No packet can go from local_ts to remote_ts: one has only IPv4, the other only IPv6/m,
    ],
    [edited("        remote_ts", "        remote_ts: 192.0.2.2"), /^h\.yaml:9: .*remote_ts: 192\.0\.2\.2\/32 is the peer's own address/m],
    [
      edited("        remote_ts", "        remote_ts: 10.2.0.0/16", "        life_time: 30m"),
      /^h\.yaml:10: .*life_time: An SA would end before it is rekeyed; this must be more than rekey_time\.$/m,
    ],
    [
      edited("        remote_ts", "        remote_ts: 10.2.0.0/16", "        max_sas: 4"),
      /^h\.yaml:10: .*max_sas: This has no meaning without per_cpu_sas: yes\.$/m,
    ],
    [
      edited("    remote_addrs", '    remote_addrs: "%any"').replace("remote_ts: 10", "start_action: start\n        remote_ts: 10"),
      /^h\.yaml:9: .*start_action: "start" needs a peer that can be called/m,
    ],
    [`${MINIMAL}daemon:\n  cpus: many\n`, /^h\.yaml:14: daemon\.cpus: "many" is not "all", a number of CPUs, or a list/m],
    [`${MINIMAL}daemon:\n  nat_port: 500\n`, /^h\.yaml:14: daemon\.nat_port: IKE and ESP cannot both have port 500/m],
    [
      `${MINIMAL}daemon:\n  cpu_queue_info_notify: 40970\n`,
      /^h\.yaml:14: daemon\.cpu_queue_info_notify: Two notifies cannot have one number/m,
    ],
    [`${MINIMAL}daemon:\n  tun: { name: "a/b" }\n`, /^h\.yaml:14: daemon\.tun\.name: "a\/b" is not a device name/m],
    [`${MINIMAL}daemon: [1]\n`, /^h\.yaml:13: daemon: Here stands a list; it must be a mapping from keys to values\.$/m],
    ["connections: {}\n", /^h\.yaml:1: connections: No connection is configured; there must be at least one\.$/m],
    ["secrets: {}\n", /^h\.yaml:1: connections: This key is missing; it must be a mapping from the names of the connections/m],
    ["just a text\n", /^h\.yaml:1: Here stands the text "just a text"; it must be a mapping from keys to values\.$/m],
  ];
  for (const [text, expected] of cases) assert.match(problems(text).join("\n"), expected, text);
});

test("all mistakes are told at once, in the order of the file", () => {
  const text = edited("    remote_addrs", "    remote_addrs: nowhere", "    dpd_delay: soon", "    colour: red").replace(
    "10.2.0.0/16",
    "10.2.0.0/99",
  );
  const lines = problems(text).map((problem) => Number(problem.split(":")[1]));
  assert.deepEqual(lines, [3, 4, 5, 11]);
});

test("a message never shows what may be a secret", () => {
  const text = edited("  ike-east:", "  ike-east: hunter2hunter2hunter2").replace(/ {4}secret: .*\n/, "");
  assert.match(problems(text).join("\n"), /secrets\.ike-east: Here stands a text; it must be/);
  assert.doesNotMatch(problems(text).join("\n"), /hunter2/);
});

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-config-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("a file that everybody may read is warned of when it holds a secret", (t) => {
  const file = join(temporaryDirectory(t), "h.yaml");
  writeFileSync(file, MINIMAL, { mode: 0o644 });
  assert.deepEqual(loadConfig(file).warnings, [`Everybody may read the secrets in ${file}; run: chmod 600 ${file}`]);
  chmodSync(file, 0o600);
  assert.deepEqual(loadConfig(file).warnings, []);
});

test("a secret in a file of its own is read from beside the configuration, without its last newline", (t) => {
  const directory = temporaryDirectory(t);
  const [file, secretFile] = [join(directory, "h.yaml"), join(directory, "psk")];
  writeFileSync(file, edited("    secret:", "    secret: file:psk"), { mode: 0o644 });
  writeFileSync(secretFile, "sixteen octets..\n", { mode: 0o600 });
  const { endpoint, warnings } = loadConfig(file);
  assert.deepEqual(only(endpoint.secrets).secret, new TextEncoder().encode("sixteen octets.."));
  assert.deepEqual(warnings, []);
  chmodSync(secretFile, 0o644);
  assert.deepEqual(loadConfig(file).warnings, [`Everybody may read the secret in ${secretFile}; run: chmod 600 ${secretFile}`]);
});

test("a PPK shorter than 32 octets is warned of", () => {
  const warningsOf = (ppk: string): readonly string[] => parseConfig("h.yaml", `${MINIMAL}  ppk: { secret: ${ppk} }\n`).warnings;
  assert.match(warningsOf("a".repeat(31)).join(), /^The secret ppk has 31 octets and can be guessed .*; use 32 random ones or more\.$/);
  assert.deepEqual(warningsOf("a".repeat(32)), []);
});

test("a guessable secret and per-CPU SAs for anybody are warned of", () => {
  const { warnings } = parseConfig(
    "h.yaml",
    edited("    remote_addrs", '    remote_addrs: "%any"')
      .replace(/secret: .*/, "secret: hunter2")
      .replace("remote_ts:", "per_cpu_sas: yes\n        remote_ts:"),
  );
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? "", /ike-east has 7 octets and can be guessed/);
  assert.match(warnings[1] ?? "", /west takes peers from anywhere and has per_cpu_sas: RFC 9611/);
});

test("a file that is not there, or is no text of ours, is one sentence", (t) => {
  assert.throws(() => loadConfig("/nonexistent/h.yaml"), { message: /^\/nonexistent\/h\.yaml:1: The file cannot be read: ENOENT/ });
  assert.throws(() => loadConfig(temporaryDirectory(t)), { message: /:1: The file cannot be read: EISDIR/ });
  assert.match(problems("a".repeat(5_000_000)).join(), /it is no configuration/);
});

test("a connection without children is warned of, and refused where nothing could come of it", () => {
  const bare = MINIMAL.replace(/ {4}children:[^]*(?=secrets:)/, "    children: {}\n");
  assert.match(only(parseConfig("h.yaml", bare).warnings), /west has no children: its IKE SA protects no traffic/);
  const never = bare.replace("    children: {}\n", "    childless: never\n    children: {}\n");
  assert.match(only(problems(never)), /^h\.yaml:7: connections\.west\.children: There is no child, and childless: never allows no IKE SA/);
});

test("quick crash detection may be done without", () => {
  assert.equal(parseConfig("h.yaml", `${MINIMAL}daemon: { qcd_secret: none }\n`).daemon.qcdSecret, undefined);
});

describe("NULL authentication", () => {
  const nullRemote = MINIMAL.replace("      id: west.example\n", "      id: west.example\n    remote: { auth: null }\n");

  test("is what the words say, and warned of", () => {
    const { endpoint, warnings } = parseConfig("h.yaml", nullRemote);
    assert.deepEqual(only(endpoint.connections).remote, { auth: "null", id: "%any" });
    assert.match(only(warnings), /west takes anybody as its peer/);
    const both = parseConfig("h.yaml", nullRemote.replace("    local:\n      id: west.example\n", "    local: { auth: null }\n"));
    assert.deepEqual(only(both.endpoint.connections).local.auth, "null");
    assert.match(both.warnings.join("\n"), /authenticates neither end/);
  });

  test("has no identity, and no keys", () => {
    assert.match(
      only(problems(nullRemote.replace("auth: null", "auth: null, id: east.example"))),
      /remote\.id: auth: null asks for no proof/,
    );
    assert.match(
      only(problems(MINIMAL.replace("id: west.example", "{ auth: null, id: w }").replace("local:\n      ", "local: "))),
      /local\.id/,
    );
  });

  test("is not there for peers from anywhere that another connection would refuse", () => {
    const other = "  other: { local: { id: o.example }, children: { net: { local_ts: 10.3.0.0/16, remote_ts: 10.4.0.0/16 } } }\n";
    const open_ = nullRemote.replace("    remote_addrs: 192.0.2.2\n", "").replace("secrets:", `${other}secrets:`);
    assert.match(only(problems(open_)), /west\.remote\.auth: A peer that other refuses could come in here/);
  });
});
