import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuIndex, espSpi } from "../../src/ipsec/names.ts";
import { cpuOfSpi, drawSpi, newSpiSteering, type SpiSteering } from "../../src/ipsec/spi-steering.ts";
import { seededOctets } from "./entropy.ts";

/** Classic BPF as the kernel runs it: A is 32 bits, unsigned; ld [0] loads in network order. In numbers that cannot overflow. */
function runBpf({ mask, multiplier, workers }: SpiSteering, spi: number): number {
  let a = BigInt(spi);
  a ^= BigInt(mask);
  a = (a * BigInt(multiplier)) % 2n ** 32n;
  a >>= 16n;
  return Number(a % BigInt(workers));
}

describe("the CPU of an SPI", () => {
  test("is what the BPF program computes, sign bits and all", () => {
    const random = seededOctets(1);
    for (const workers of [1, 2, 3, 7, 64, 1000]) {
      const steering = newSpiSteering(random, workers);
      for (const spi of [1, 0x7fffffff, 0x80000000, 0xffffffff, steering.mask]) {
        assert.equal(cpuOfSpi(steering, espSpi(spi)), runBpf(steering, spi), `SPI ${spi} with ${JSON.stringify(steering)}`);
      }
      for (let i = 0; i < 500; i++) {
        const spi = new DataView(random(4).buffer).getUint32(0);
        assert.equal(cpuOfSpi(steering, espSpi(spi)), runBpf(steering, spi));
      }
    }
  });

  test("is known for a fixed key", () => {
    const steering = { mask: 0, multiplier: 1, workers: 4 };
    assert.equal(cpuOfSpi(steering, espSpi(0x00060000)), 2);
    assert.equal(cpuOfSpi({ ...steering, mask: 0x00010000 }, espSpi(0x00060000)), 3);
  });

  test("cannot be read from its bits without the key", () => {
    // Under fresh keys no single bit of an SPI may tell which of two CPUs it is for: it agrees with the CPU number as often as a fair coin.
    const random = seededOctets(2);
    const agreements = new Array<number>(32).fill(0);
    const trials = 4000;
    for (let i = 0; i < trials; i++) {
      const steering = newSpiSteering(random, 2);
      const spi = drawSpi(steering, cpuIndex(i % 2), random, () => false);
      for (let bit = 0; bit < 32; bit++) if (((spi >>> bit) & 1) === i % 2) agreements[bit]!++;
    }
    // Five standard deviations of a fair coin.
    const tolerance = 5 * Math.sqrt(trials / 4);
    for (const [bit, count] of agreements.entries())
      assert.ok(Math.abs(count - trials / 2) < tolerance, `bit ${bit}: ${count} of ${trials}`);
  });
});

describe("a new key", () => {
  test("has an odd multiplier, or SPIs would lose bits", () => {
    const random = seededOctets(3);
    for (let i = 0; i < 100; i++) assert.equal(newSpiSteering(random, 2).multiplier % 2, 1);
  });

  test("uses octets wherever they lie in their buffer", () => {
    const octets = Uint8Array.of(9, 9, 1, 2, 3, 4, 9, 9);
    assert.deepEqual(
      newSpiSteering(() => octets.subarray(2, 6), 2),
      { mask: 0x01020304, multiplier: 0x01020305, workers: 2 },
    );
  });
});

describe("drawing an SPI", () => {
  test("finds one for each CPU, never a reserved one, never one that is taken", () => {
    const random = seededOctets(4);
    const steering = newSpiSteering(random, 64);
    const taken = new Set<number>();
    for (let i = 0; i < 640; i++) {
      const cpu = cpuIndex(i % 64);
      const spi = drawSpi(steering, cpu, random, (candidate) => taken.has(candidate));
      assert.equal(cpuOfSpi(steering, spi), cpu);
      assert.ok(spi > 255 && spi <= 0xffffffff && !taken.has(spi));
      taken.add(spi);
    }
  });

  test("passes over reserved and taken SPIs", () => {
    const draws = [0, 255, 256, 257];
    const random = (): Uint8Array => {
      const octets = new Uint8Array(4);
      new DataView(octets.buffer).setUint32(0, draws.shift() ?? assert.fail("asked once too often"));
      return octets;
    };
    const steering = { mask: 0, multiplier: 1, workers: 1 };
    assert.equal(
      drawSpi(steering, cpuIndex(0), random, (spi) => spi === 256),
      257,
    );
  });

  test("refuses a CPU that no worker has", () => {
    const random = seededOctets(5);
    const steering = newSpiSteering(random, 2);
    for (const cpu of [2, -1, 0.5]) assert.throws(() => drawSpi(steering, cpuIndex(cpu), random, () => false), RangeError);
  });
});
