import { strict as assert } from "node:assert";
import { test } from "node:test";
import { SlabAllocator } from "../../src/dataplane/worker/slab-allocator.ts";
import { seededRandom } from "../support/packets.ts";

test("blocks are aligned, disjoint and inside the region, over random allocation and release", () => {
  const random = seededRandom(1);
  const start = 4096;
  const size = 1024 * 1024;
  const slab = new SlabAllocator(start, size);
  const live: { at: number; octets: number }[] = [];
  for (let i = 0; i < 5000; i++) {
    if (random.below(2) === 0) {
      const octets = 1 + random.below(5000);
      const at = slab.allocate(octets);
      if (at === undefined) continue;
      assert.equal(at % 64, 0);
      assert.ok(at >= start && at + octets <= start + size);
      for (const other of live) assert.ok(at + octets <= other.at || other.at + other.octets <= at, `block ${i} overlaps`);
      live.push({ at, octets });
    } else {
      const [block] = live.splice(random.below(live.length), 1);
      if (block !== undefined) slab.release(block.at, block.octets);
    }
  }
});

test("a used-up region says so, and a released block of the size can be had again", () => {
  const slab = new SlabAllocator(0, 256);
  const blocks = [slab.allocate(64), slab.allocate(64), slab.allocate(128)];
  assert.deepEqual(blocks, [0, 64, 128]);
  assert.equal(slab.allocate(1), undefined);
  slab.release(64, 64);
  assert.equal(slab.allocate(60), 64);
});
