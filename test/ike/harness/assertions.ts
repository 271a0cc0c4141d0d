/** What must hold between two hosts when nothing is on its way any more. */
import assert from "node:assert/strict";
import type { IkeEvent } from "../../../src/ike/events.ts";
import type { ChildSaStatus } from "../../../src/ike/status.ts";
import type { Host, World } from "./world.ts";

type BothSides<Value> = { readonly left: Value; readonly right: Value };

const bothSides = <Value>(world: World, view: (host: Host) => Value): BothSides<Value> => ({
  left: view(world.left),
  right: view(world.right),
});

export const ikeStates = (world: World): BothSides<string[]> =>
  bothSides(world, (host) => world.status(host).ikeSas.map(({ state }) => state));

export const childStates = (world: World): BothSides<string[]> =>
  bothSides(world, (host) => world.status(host).childSas.map(({ state }) => state));

export function eventsOf<Kind extends IkeEvent["kind"]>(host: Host, kind: Kind): Extract<IkeEvent, { kind: Kind }>[] {
  return host.events.filter((event): event is Extract<IkeEvent, { kind: Kind }> => event.kind === kind);
}

/**
 * SPIs as the pair (left's inbound, right's inbound), and the selectors of the left's and of the right's network: the same on both sides when
 * the two mean the same SA.
 */
function childPairs(world: World, host: Host): string[] {
  return world
    .status(host)
    .childSas.map(({ spiIn, spiOut, localTs, remoteTs }) => {
      const here = { spi: spiIn, net: [...localTs].sort().join(" ") };
      const there = { spi: spiOut, net: [...remoteTs].sort().join(" ") };
      const [left, right] = host.side === "left" ? [here, there] : [there, here];
      return `${left.spi}/${right.spi}: ${left.net} - ${right.net}`;
    })
    .sort();
}

const ikePairs = (world: World, host: Host): string[] =>
  world
    .status(host)
    .ikeSas.map(({ initiatorSpi, responderSpi }) => `${initiatorSpi}/${responderSpi}`)
    .sort();

/**
 * Both ends have the same SAs with the same selectors, all of them in full life, with the same keys in both data planes and nothing else there; every entry of every
 * CPU leads to an SA that the peer opens.
 */
export function assertAgreement(world: World): void {
  assert.deepEqual(ikePairs(world, world.left), ikePairs(world, world.right), "the same IKE SAs");
  assert.deepEqual(childPairs(world, world.left), childPairs(world, world.right), "the same Child SAs");
  for (const host of world.hosts) {
    for (const { state } of world.status(host).ikeSas) assert.equal(state, "ESTABLISHED", `an IKE SA of the ${host.side}`);
    for (const child of world.status(host).childSas) assert.equal(child.state, "INSTALLED", `a Child SA of the ${host.side}`);
    assertDataPlane(world, host);
  }
}

function assertDataPlane(world: World, host: Host): void {
  const { inbound, outbound, entries } = host.dataPlane;
  const peer = world.peerOf(host).dataPlane;
  const known = new Map<number, ChildSaStatus>(world.status(host).childSas.map((child) => [child.id, child]));
  // What no entry needs is not installed outbound (RFC 9611 §4); what is, is known.
  for (const id of outbound.keys()) assert.ok(known.has(id), `outbound SA ${id} of the ${host.side} is not known`);
  for (const { spec } of inbound.values()) {
    // One that has been closed may linger for its grace time.
    if (known.has(spec.id)) assert.equal(spec.cpu, known.get(spec.id)?.cpu);
  }
  for (const [id, { spec, key }] of outbound) {
    assert.equal(peer.inbound.get(spec.spi)?.key, key, `SA ${id} of the ${host.side}: the peer has its key`);
  }
  for (const byCpu of entries.values()) {
    for (const [cpu, entry] of byCpu) {
      if ("sa" in entry) assert.ok(outbound.has(entry.sa), `CPU ${cpu} of the ${host.side} points at an SA that is gone`);
    }
  }
}
