import assert from "node:assert/strict";
import { test } from "node:test";
import { policyId } from "../../src/ipsec/names.ts";
import type { PolicySpec } from "../../src/ipsec/sadb.ts";
import { Spd, type PacketSelectors } from "../../src/ipsec/spd.ts";
import { parseAddress, parsePrefix } from "../../src/wire/traffic-selector.ts";

const policy = (id: number, priority: number, local: string, remote: string): PolicySpec => ({
  id: policyId(id),
  name: `net/${id}`,
  localTs: [parsePrefix(local)],
  remoteTs: [parsePrefix(remote)],
  priority,
  onMissingSa: "resteer",
});

function packet(
  source: string,
  destination: string,
  ports: PacketSelectors["ports"] = { source: 40000, destination: 80 },
): PacketSelectors {
  const [from, to] = [parseAddress(source), parseAddress(destination)];
  return { family: from.family, protocol: 6, source: from.value, destination: to.value, ports };
}

test("the lowest priority is looked at first, among equals the older", () => {
  const spd = new Spd();
  spd.add(policy(3, 10, "10.1.0.0/16", "10.2.0.0/16"));
  spd.add(policy(2, 20, "10.1.0.0/16", "10.2.0.0/16"));
  spd.add(policy(1, 10, "10.1.0.0/16", "10.2.0.7/32"));
  assert.deepEqual(
    spd.list().map(({ id }) => id),
    [1, 3, 2],
  );
  assert.equal(spd.lookup(packet("10.1.0.1", "10.2.0.7"))?.id, 1);
  assert.equal(spd.lookup(packet("10.1.0.1", "10.2.0.8"))?.id, 3);
});

test("both sides must match, each with its own port", () => {
  const spd = new Spd();
  spd.add(policy(1, 1, "10.1.0.0/16", "10.2.0.0/16[tcp/80]"));
  assert.equal(spd.lookup(packet("10.1.0.1", "10.2.0.1"))?.id, 1);
  assert.equal(spd.lookup(packet("10.2.0.1", "10.1.0.1")), undefined);
  assert.equal(spd.lookup(packet("10.1.0.1", "10.2.0.1", { source: 80, destination: 443 })), undefined);
  assert.equal(spd.lookup({ ...packet("10.1.0.1", "10.2.0.1"), ports: undefined }), undefined);
});

test("no policy: undefined, which means discard (RFC 4301 §4.4.1)", () => {
  assert.equal(new Spd().lookup(packet("10.1.0.1", "10.2.0.1")), undefined);
});

test("a policy of the same id takes the place of the old one; a removed one is gone", () => {
  const spd = new Spd();
  spd.add(policy(1, 1, "10.1.0.0/16", "10.2.0.0/16"));
  spd.add(policy(1, 1, "10.1.0.0/16", "10.3.0.0/16"));
  assert.equal(spd.list().length, 1);
  assert.equal(spd.lookup(packet("10.1.0.1", "10.2.0.1")), undefined);
  assert.equal(spd.lookup(packet("10.1.0.1", "10.3.0.1"))?.id, 1);
  spd.remove(policyId(1));
  assert.equal(spd.lookup(packet("10.1.0.1", "10.3.0.1")), undefined);
});
