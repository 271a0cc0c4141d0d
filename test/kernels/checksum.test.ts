import { strict as assert } from "node:assert";
import { test } from "node:test";
import { referenceChecksum, seededRandom } from "../support/packets.ts";
import { KernelFrame } from "./bench-frame.ts";

/** The kernel sums in memory order: the stored result has to be read as big-endian. */
const stored = (folded: number): number => (~(((folded & 0xff) << 8) | (folded >> 8)) & 0xffff) >>> 0;

test("sum and copySum agree with RFC 1071 word by word, for every length to 300 and some to 64 KiB, at any alignment", () => {
  const frame = new KernelFrame();
  const random = seededRandom(1071);
  const lengths = [...Array(300).keys(), 1400, 1447, 9000, 65535];
  for (const length of lengths) {
    const octets = random.octets(length);
    const from = frame.map.rxBuffers + random.below(16);
    const to = frame.map.segments + random.below(16);
    frame.u8.set(octets, from);
    const expected = referenceChecksum(octets);
    assert.equal(stored(frame.kernels.sum(from, length, 0)), expected, `sum of ${length} octets`);
    assert.equal(stored(frame.kernels.copySum(to, from, length, 0)), expected, `copySum of ${length} octets`);
    assert.deepEqual(frame.u8.slice(to, to + length), octets, `copy of ${length} octets`);
  }
});

test("sums of all-ones octets do not overflow a lane", () => {
  const frame = new KernelFrame();
  frame.u8.fill(0xff, frame.map.rxBuffers, frame.map.rxBuffers + 65535);
  assert.equal(stored(frame.kernels.sum(frame.map.rxBuffers, 65535, 0)), referenceChecksum(new Uint8Array(65535).fill(0xff)));
});
