import { strict as assert } from "node:assert";
import { test } from "node:test";
import { cpuIndex, espSpi } from "../../src/ipsec/names.ts";
import type { EspSpi } from "../../src/ipsec/names.ts";
import { cpuOfSpi, drawSpi, newSpiSteering } from "../../src/ipsec/spi-steering.ts";
import { seededRandom } from "../support/packets.ts";

test("drawn SPIs are steered to the CPU they were drawn for, are not reserved and not taken", () => {
  const random = seededRandom(4303);
  for (const workers of [1, 2, 3, 8, 64, 1000]) {
    const steering = newSpiSteering(random.octets, workers);
    assert.equal(steering.multiplier % 2, 1);
    const taken = new Set<EspSpi>();
    for (let i = 0; i < 300; i++) {
      const cpu = cpuIndex(random.below(workers));
      const spi = drawSpi(steering, cpu, random.octets, (candidate) => taken.has(candidate));
      assert.equal(cpuOfSpi(steering, spi), cpu);
      assert.ok(spi >= 256 && spi <= 0xffffffff && !taken.has(spi));
      taken.add(spi);
    }
  }
});

test("a key that offers reserved SPIs first still gives none", () => {
  const offers = [0, 1, 255, 256, 257];
  const steering = { mask: 0, multiplier: 1, workers: 1 };
  const draw = (): Uint8Array => Uint8Array.of(0, 0, (offers[0] ?? 0) >> 8, (offers.shift() ?? 0) & 0xff);
  assert.equal(
    drawSpi(steering, cpuIndex(0), draw, (spi) => spi === 256),
    257,
  );
});

test("the CPU of an SPI is spread evenly, and another key spreads it otherwise", () => {
  const random = seededRandom(1);
  const [a, b] = [newSpiSteering(random.octets, 8), newSpiSteering(random.octets, 8)];
  const counts = Array<number>(8).fill(0);
  let same = 0;
  for (let i = 0; i < 8000; i++) {
    const spi = espSpi(random.below(2 ** 32));
    const cpu = cpuOfSpi(a, spi);
    counts[cpu] = (counts[cpu] ?? 0) + 1;
    if (cpuOfSpi(b, spi) === cpu) same++;
  }
  for (const count of counts) assert.ok(count > 800 && count < 1200, String(counts));
  assert.ok(same > 700 && same < 1300, `${same} of 8000 SPIs fall on the same CPU under both keys`);
});

test("a CPU that is not there is refused", () => {
  const steering = newSpiSteering(seededRandom(1).octets, 2);
  assert.throws(() => drawSpi(steering, cpuIndex(2), seededRandom(1).octets, () => false), RangeError);
});
