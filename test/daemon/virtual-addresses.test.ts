/** Virtual addresses on the TUN device: there as long as an IKE SA that has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualAddresses } from "../../src/daemon/virtual-addresses.ts";
import { ikeSaId } from "../../src/ike/command.ts";
import type { IkeEvent, IkeSaRef } from "../../src/ike/events.ts";

const sa = (id: number): IkeSaRef => ({ ikeSa: ikeSaId(id), connection: "west", initiatorSpi: "1", responderSpi: "2" });

const given = (id: number, addresses: string[], dnsServers: string[] = []): IkeEvent => ({
  kind: "virtualAddresses",
  sa: sa(id),
  addresses,
  dnsServers,
  subnets: [],
});
const down = (id: number): IkeEvent => ({ kind: "ikeDown", sa: sa(id), why: "", by: "peer" });

/** What was done to the device, and told, in order. */
function device(permanent: string[] = []): { follow: (event: IkeEvent) => void; clear: () => void; log: () => string[] } {
  const log: string[] = [];
  const ports = {
    addAddress: (prefix: string): void => void log.push(`add ${prefix}`),
    removeAddress: (prefix: string): void => void log.push(`remove ${prefix}`),
    onChange: (addresses: readonly string[]): void => void log.push(`sources ${addresses.join(" ")}`),
    onDnsServers: (servers: readonly string[]): void => void log.push(`dns ${servers.join(" ")}`),
  };
  const addresses = new VirtualAddresses(ports, permanent);
  return { follow: (event) => addresses.follow(event), clear: () => addresses.clear(), log: () => log.splice(0) };
}

test("an address is there before it is a source, and no source any more when it goes", () => {
  const { follow, log } = device();
  follow(given(1, ["10.9.0.1", "fd09::1"], ["10.2.0.53"]));
  assert.deepEqual(log(), ["add 10.9.0.1/32", "add fd09::1/128", "sources 10.9.0.1 fd09::1", "dns 10.2.0.53"]);
  follow(down(1));
  assert.deepEqual(log(), ["sources ", "dns ", "remove 10.9.0.1/32", "remove fd09::1/128"]);
});

test("it goes with the last successor of its IKE SA", () => {
  const { follow, log } = device();
  follow(given(1, ["10.9.0.1"]));
  follow({ kind: "ikeRekeyed", old: sa(1), sa: sa(2), algorithms: "" });
  log();
  follow(down(1));
  assert.deepEqual(log(), []);
  follow(down(2));
  assert.deepEqual(log(), ["sources ", "dns ", "remove 10.9.0.1/32"]);
});

test("one that two peers have given stays until both are gone, and one that is ours anyway stays", () => {
  const { follow, log } = device(["10.9.0.7"]);
  follow(given(1, ["10.9.0.1"]));
  follow(given(2, ["10.9.0.1", "10.9.0.7"]));
  follow(down(1));
  assert.deepEqual(
    log().filter((line) => !/^(sources|dns)/.test(line)),
    ["add 10.9.0.1/32"],
  );
  follow(down(2));
  assert.deepEqual(log().at(-1), "remove 10.9.0.1/32");
});

test("DNS servers of peers that never say goodbye are gone with the daemon", () => {
  const { follow, clear, log } = device();
  follow(given(1, ["10.9.0.1"], ["10.2.0.53"]));
  log();
  clear();
  assert.deepEqual(log(), ["dns "]);
  follow(down(1));
  assert.deepEqual(log(), []);
});
