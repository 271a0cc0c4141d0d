import assert from "node:assert/strict";
import { toHex } from "../../../src/wire/octets.ts";
import type { Side } from "./configs.ts";
import type { World } from "./world.ts";

/** In hexadecimal, the SPI that an end has chosen for the SA that it asks for; its request is on the wire. */
export function offeredSpi(world: World, side: Side): string {
  const request = world.wire.find(({ from }) => from === side);
  assert.ok(request !== undefined);
  const spis = world.reader
    .payloads(request.octets)
    .flatMap((payload) => (payload.type === "SA" ? payload.proposals.map(({ spi }) => spi) : []));
  return toHex(spis[0] ?? assert.fail("no SA payload"));
}
