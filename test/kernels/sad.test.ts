import { strict as assert } from "node:assert";
import { test } from "node:test";
import { seededRandom } from "../support/packets.ts";
import { KernelFrame } from "./bench-frame.ts";

test("the SPI table is a map under random insertions and removals, clusters included", () => {
  for (let seed = 0; seed < 10; seed++) {
    const frame = new KernelFrame();
    const capacity = 256;
    frame.kernels.configureSad(frame.take(capacity * 8), capacity);
    const random = seededRandom(seed);
    // Few distinct SPIs, so that chains form, break and close again.
    const spis = Array.from({ length: 120 }, () => 256 + random.below(0xfffffe00));
    const reference = new Map<number, number>();
    for (let i = 0; i < 5000; i++) {
      const spi = spis[random.below(spis.length)] ?? 0;
      if (random.below(2) === 0) {
        const sa = 64 * (1 + random.below(1000));
        frame.kernels.insertInbound(spi, sa);
        reference.set(spi, sa);
      } else {
        frame.kernels.removeInbound(spi);
        reference.delete(spi);
      }
      const probe = spis[random.below(spis.length)] ?? 0;
      assert.equal(frame.kernels.findInbound(probe), reference.get(probe) ?? 0, `seed ${seed}, step ${i}`);
    }
    for (const spi of spis) assert.equal(frame.kernels.findInbound(spi), reference.get(spi) ?? 0);
    assert.equal(frame.kernels.findInbound(0), 0);
  }
});
