import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as L from "../../src/kernels/layout.ts";
import { seededRandom } from "../support/packets.ts";
import { KernelFrame } from "./bench-frame.ts";

/** RFC 4303 §3.4.3 in words: not seen before, and not left of the window. */
class ReferenceWindow {
  #top = 0n;
  readonly #seen = new Set<bigint>();
  readonly #size: bigint;

  constructor(size: number) {
    this.#size = BigInt(size);
  }

  accept(seq: bigint): boolean {
    if (seq === 0n || this.#seen.has(seq) || (this.#top >= this.#size && seq <= this.#top - this.#size)) return false;
    this.#seen.add(seq);
    if (seq > this.#top) this.#top = seq;
    return true;
  }
}

for (const window of [64, 128, 1024, 4096]) {
  test(`a window of ${window} accepts and refuses what RFC 4303 says, over random jumps`, () => {
    for (let seed = 0; seed < 20; seed++) {
      const frame = new KernelFrame();
      const random = seededRandom(window * 100 + seed);
      const sa = frame.inboundSa(0x1000, { window });
      const reference = new ReferenceWindow(window);
      let near = 1;
      for (let i = 0; i < 2000; i++) {
        if (random.below(50) === 0) near += random.below(window * 5);
        near += random.below(3);
        const seq = BigInt(Math.max(0, near - random.below(window + 64)));
        const expected = reference.accept(seq);
        assert.equal(frame.kernels.replayCheck(sa, seq) !== 0, expected, `check of ${seq}, seed ${seed}`);
        assert.equal(frame.kernels.replayCommit(sa, seq) !== 0, expected, `commit of ${seq}, seed ${seed}`);
      }
    }
  });
}

test("a check changes nothing; a commit does", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000);
  for (let i = 0; i < 3; i++) assert.equal(frame.kernels.replayCheck(sa, 5n), 1);
  assert.equal(frame.kernels.replayCommit(sa, 5n), 1);
  assert.equal(frame.kernels.replayCheck(sa, 5n), 0);
});

test("a jump over many laps of the bitmap leaves no marks of the old lap", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000, { window: 128 });
  for (let seq = 1n; seq <= 300n; seq++) assert.equal(frame.kernels.replayCommit(sa, seq), 1);
  assert.equal(frame.kernels.replayCommit(sa, 1_000_000n), 1);
  for (let back = 1n; back < 128n; back++) assert.equal(frame.kernels.replayCommit(sa, 1_000_000n - back), 1, `1000000 - ${back}`);
  assert.equal(frame.kernels.replayCommit(sa, 1_000_000n - 128n), 0);
});

test("window 0 turns the check off", () => {
  const frame = new KernelFrame();
  const sa = frame.inboundSa(0x1000, { window: 0 });
  for (const seq of [7n, 7n, 1n, 7n]) assert.equal(frame.kernels.replayCommit(sa, seq), 1);
  assert.equal(frame.view.getBigUint64(sa + L.ISA_TOP, true), 7n);
});
