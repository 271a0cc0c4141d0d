import assert from "node:assert/strict";
import { test } from "node:test";
import { formatStatus } from "../../../src/cli/format/status-report.ts";
import type { DaemonStatus } from "../../../src/daemon/status.ts";

const worker = { resteeredTo: 0, resteeredFrom: 0, misdirectedTo: 0, drops: {} };
const sa = (id: number, cpu: number, more: object = {}) => ({
  id,
  ikeSa: 1,
  connection: "west",
  child: "net",
  cpu,
  spiIn: 0x1000 + id,
  spiOut: 0x2000 + id,
  cipher: "aes128gcm16",
  esn: true,
  state: "INSTALLED",
  shared: false,
  rekeyIn: 90_000,
  packetsIn: 1500,
  bytesIn: 2_000_000,
  packetsOut: 0,
  bytesOut: 0,
  ...more,
});

const STATUS = {
  version: "0.1.0",
  pid: 42,
  uptime: 61_000,
  tun: { name: "hawser0", mtu: 1438, dispatch: { mode: "flow", reason: "bpf() is not allowed" } },
  cpus: [0, 2],
  localAddresses: ["192.0.2.1"],
  dataPlane: {
    engine: { name: "ipsec-mb", version: "1.3.0" },
    perWorker: [
      { ...worker, resteeredFrom: 12 },
      { ...worker, resteeredTo: 12 },
    ],
    drops: { InStateSeqError: 3, RingFull: 0 },
    dropTexts: { InStateSeqError: "replayed" },
    expectedDrops: ["InDummy"],
  },
  endpoint: {
    now: 0,
    connections: [
      { name: "west", state: "up", lastError: undefined, children: ["net", "spare"] },
      { name: "east", state: "down", lastError: "no answer", children: ["net"] },
    ],
    ikeSas: [
      {
        id: 1,
        connection: "west",
        state: "ESTABLISHED",
        role: "initiator",
        initiatorSpi: "aa",
        responderSpi: "bb",
        local: { address: "192.0.2.1", port: 4500 },
        remote: { address: "2001:db8::2", port: 4500 },
        localId: "w",
        remoteId: "e",
        localAuth: "pre-shared key",
        remoteAuth: "Ed25519, raw public key",
        algorithms: "ALG",
        virtual: { addresses: ["10.9.0.1", "fd09::1"], dnsServers: ["10.2.0.53"], subnets: ["10.2.0.0/16"] },
        leases: [{ pool: "clients", address: "10.8.0.1" }],
        natHere: false,
        natThere: true,
        age: 60_000,
        rekeyIn: undefined,
        outstanding: 1,
        queued: 2,
      },
      {
        id: 2,
        connection: undefined,
        state: "CONNECTING",
        role: "responder",
        initiatorSpi: "cc",
        responderSpi: "dd",
        local: { address: "192.0.2.1", port: 500 },
        remote: { address: "192.0.2.9", port: 500 },
        virtual: { addresses: [], dnsServers: [], subnets: [] },
        leases: [],
        age: 0,
        outstanding: 0,
        queued: 0,
      },
    ],
    childSas: [sa(7, 1), sa(5, 0, { shared: true, rekeyIn: undefined })],
    groups: [
      {
        connection: "west",
        child: "net",
        scheme: "rfc9611",
        mode: "per-cpu",
        reason: "the peer agreed",
        localTs: ["10.1.0.0/16"],
        remoteTs: ["10.2.0.0/16"],
        members: [5, 7],
        cpus: [
          { cpu: 0, entry: "shared", sa: 5, why: "no packet has asked for one yet" },
          { cpu: 1, entry: "own", sa: 7, why: undefined },
          { cpu: 2, entry: "stub to CPU 1", sa: 7, why: "the peer refused with TS_MAX_QUEUE", asksAgainIn: 41_000 },
          { cpu: 3, entry: "none", sa: undefined, why: "asked for" },
        ],
      },
    ],
    pools: [{ name: "clients", first: "10.8.0.1", last: "10.8.0.254", size: 254, inUse: 1, remembered: 3 }],
    counters: { drops: { malformed: 4 } },
  },
} as unknown as DaemonStatus;

test("the report says all that an operator asks", () => {
  assert.equal(
    formatStatus(STATUS),
    `hawser 0.1.0, process 42, up 1m 1s, on 192.0.2.1
2 workers, engine ipsec-mb 1.3.0, device hawser0 with MTU 1438, dispatch flow (bpf() is not allowed)
workers run on CPUs: 0 on 0, 1 on 2

west: up
  IKE SA #1 ESTABLISHED, initiator, aa_i bb_r
    w [192.0.2.1:4500] === e [[2001:db8::2]:4500], NAT there
    authenticated by pre-shared key === Ed25519, raw public key
    virtual addresses 10.9.0.1 fd09::1, DNS servers 10.2.0.53, networks 10.2.0.0/16
    has the virtual addresses 10.8.0.1 (clients)
    ALG, 1m old, 1 requests outstanding, 2 queued
  net: 10.1.0.0/16 === 10.2.0.0/16
    rfc9611, per-cpu: the peer agreed
    CPU  SA  SPI in    SPI out   packets in  octets in  packets out  octets out  cipher           state      rekey in
     0+  #5  00001005  00002005       1.50k      2.00M            0           0  aes128gcm16-esn  INSTALLED     never
      1  #7  00001007  00002007       1.50k      2.00M            0           0  aes128gcm16-esn  INSTALLED    1m 30s
    CPU 0: shared, SA #5: no packet has asked for one yet
    CPU 2: stub to CPU 1, SA #7: the peer refused with TS_MAX_QUEUE; does not ask again for 41s
    CPU 3: none: asked for
  spare: no Child SA

east: down; last error: no answer
  net: no Child SA

not authenticated yet
  IKE SA #2 CONNECTING, responder, cc_i dd_r
    ? [192.0.2.1:500] === ? [192.0.2.9:500]
    no algorithms yet, 0s old

pool     addresses            in use  kept for the last owner
clients  10.8.0.1-10.8.0.254       1                        3

handed on between CPUs
  CPU 0: 12 taken from them
  CPU 1: 12 packets handed to other CPUs' SAs

dropped  reason
      3  InStateSeqError  replayed
      4  ike.malformed
`,
  );
});

test("transport mode is told with the selectors", () => {
  const { endpoint } = STATUS;
  const childSas = endpoint.childSas.map((child) => ({ ...child, mode: "transport" as const }));
  assert.match(
    formatStatus({ ...STATUS, endpoint: { ...endpoint, childSas } }),
    /^ {2}net: 10\.1\.0\.0\/16 === 10\.2\.0\.0\/16, transport mode$/m,
  );
});
