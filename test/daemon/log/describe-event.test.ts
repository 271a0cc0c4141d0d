import assert from "node:assert/strict";
import { test } from "node:test";
import { describeEvent } from "../../../src/daemon/log/describe-event.ts";
import { ikeSaId } from "../../../src/ike/command.ts";
import type { IkeEvent } from "../../../src/ike/events.ts";
import { childSaId, cpuIndex, espSpi } from "../../../src/ipsec/names.ts";

const ikeSa = { ikeSa: ikeSaId(1), connection: "west", initiatorSpi: "aa", responderSpi: "bb" };
const childSa = {
  ikeSa: ikeSaId(1),
  connection: "west",
  child: "net",
  childSa: childSaId(7),
  cpu: cpuIndex(3),
  spiIn: espSpi(0xc0ffee),
  spiOut: espSpi(1),
};
const remote = { address: "2001:db8::2", port: 4500 };
const local = { address: "192.0.2.1", port: 500 };

test("events are sentences at the level that asks of a person what it should", () => {
  const refused = { kind: "dataPlaneRefused", connection: "west", child: "net", cpu: cpuIndex(3), why: "the SPD is full" } as const;
  const cases: readonly (readonly [IkeEvent, string, string])[] = [
    [{ ...refused, what: "Child SA" }, "error", "west/net: CPU 3 refuses a Child SA, which is closed: the SPD is full"],
    [{ ...refused, what: "policy" }, "error", "west/net: CPU 3 refuses the policy, whose Child SAs are closed: the SPD is full"],
    [{ ...refused, what: "trap" }, "error", "west/net: CPU 3 refuses the trap, and drops the packets that it is for: the SPD is full"],
    [
      {
        kind: "ikeUp",
        sa: ikeSa,
        localId: "w",
        remoteId: "e",
        localAuth: "pre-shared key",
        remoteAuth: "Ed25519, raw public key",
        local,
        remote,
        algorithms: "ALG",
        natHere: true,
        natThere: true,
        encapsulation: "udp",
      },
      "info",
      "IKE SA west#1 (aa_i bb_r) is up: w [192.0.2.1:500] by pre-shared key with e [[2001:db8::2]:4500] by Ed25519, raw public key, ALG, NAT here and there",
    ],
    [{ kind: "ikeDown", sa: ikeSa, why: "asked to", by: "peer" }, "info", "IKE SA west#1 (aa_i bb_r) is closed by the peer: asked to"],
    [
      {
        kind: "childUp",
        mode: "tunnel",
        sa: childSa,
        cipher: "aes128gcm16",
        esn: true,
        localTs: ["10.1.0.0/16"],
        remoteTs: ["10.2.0.0/16"],
        shared: true,
      },
      "info",
      "Child SA west/net#7 on CPU 3 (00c0ffee in, 00000001 out) is up: 10.1.0.0/16 === 10.2.0.0/16, aes128gcm16 with ESN, shared by all CPUs",
    ],
    [
      { kind: "childDown", sa: childSa, why: "idle", by: "local" },
      "info",
      "Child SA west/net#7 on CPU 3 (00c0ffee in, 00000001 out) is closed by us: idle",
    ],
    [
      { kind: "peerRefused", connection: "west", child: "net", notify: "TS_MAX_QUEUE", text: "no more" },
      "info",
      "the peer of west/net refused with TS_MAX_QUEUE: no more",
    ],
    [{ kind: "hint", connection: "west", remote: local, text: "somebody says so" }, "info", "west, 192.0.2.1:500: somebody says so"],
    [
      { kind: "authFailed", connection: undefined, remote, text: "wrong key" },
      "warn",
      "authentication with [2001:db8::2]:4500 failed: wrong key",
    ],
    [
      { kind: "virtualAddresses", sa: ikeSa, addresses: ["10.9.0.1", "fd09::1"], dnsServers: ["10.2.0.53"], subnets: ["10.2.0.0/16"] },
      "info",
      "the peer of IKE SA west#1 (aa_i bb_r) has given us the virtual addresses 10.9.0.1 fd09::1, DNS servers 10.2.0.53, networks 10.2.0.0/16",
    ],
    [
      { kind: "addressLeased", sa: ikeSa, pool: "clients", address: "10.9.0.1", remoteId: "east.example" },
      "info",
      "IKE SA west#1 (aa_i bb_r): east.example has the virtual address 10.9.0.1 of the pool clients",
    ],
    [
      { kind: "poolExhausted", connection: "west", pools: ["a", "b"], families: [4, 6], remoteId: "east.example" },
      "warn",
      "west: east.example got no virtual IPv4 or IPv6 address, as all of the pools a, b are in use",
    ],
    [{ kind: "connectionFailed", connection: "west", text: "no answer" }, "warn", "west could not be brought up: no answer"],
    [{ kind: "fault", text: "oops", stack: "at x" }, "error", "a mistake in the program itself, please report it: oops\nat x"],
    [{ kind: "done" }, "debug", "every SA is closed"],
  ];
  for (const [event, level, text] of cases) assert.deepEqual(describeEvent(event), { level, text });
});
