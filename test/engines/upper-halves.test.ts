import { strict as assert } from "node:assert";
import { it } from "node:test";
import { addressOf } from "../../src/host/linux/libc.ts";
import { seededRandom } from "../support/packets.ts";
import { Bench, keyLength, needs, randomPacket, referenceSeal } from "./harness.ts";

const TWO_32 = 2 ** 32;
const PAGES_OF_2_GIB = 32768;

/** Memories lie 10 GiB apart and more: of two or three with 2 GiB each, one lies across a multiple of 4 GiB. Their pages are never touched. */
function memoryAcrossBoundary(): { memory: WebAssembly.Memory; boundary: number } | undefined {
  for (let attempt = 0; attempt < 8; attempt++) {
    const memory = new WebAssembly.Memory({ initial: PAGES_OF_2_GIB, maximum: PAGES_OF_2_GIB, shared: true });
    const base = addressOf(memory.buffer);
    const boundary = TWO_32 - (base % TWO_32);
    if (boundary > 8 * 1024 * 1024 && boundary < memory.buffer.byteLength - 8 * 1024 * 1024) return { memory, boundary };
  }
  return undefined;
}

it("ipsec-mb works in a packet memory that lies across a multiple of 4 GiB", needs("ipsec-mb"), (t) => {
  const found = memoryAcrossBoundary();
  if (found === undefined) {
    t.skip("no such memory to be had");
    return;
  }
  const random = seededRandom(32);
  for (const cipher of ["aes128gcm16", "aes128-sha256"] as const) {
    const packets = Array.from({ length: 200 }, () => randomPacket(cipher, random, random.below(1400)));
    const key = random.octets(keyLength(cipher));
    const expected = packets.map((packet) => referenceSeal(cipher, key, packet));
    // Manager and key below the boundary, packets across it: the bench puts packets 320 KiB behind where it starts.
    const bench: Bench = new Bench("ipsec-mb", found.memory, found.boundary - 6 * 65536);
    const handle = bench.key(cipher, key);
    for (let round = 0; round < 3; round++) assert.deepEqual(bench.seal(handle, packets), expected);
    // Everything above it.
    const above: Bench = new Bench("ipsec-mb", found.memory, found.boundary + 65536);
    assert.deepEqual(above.seal(above.key(cipher, key), packets), expected);
  }
});
