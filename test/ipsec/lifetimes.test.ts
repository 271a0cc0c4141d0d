import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planLifetimes, type LifetimeConfig } from "../../src/ipsec/lifetimes.ts";

const HOUR = 3_600_000;
const CONFIG: LifetimeConfig = {
  rekeyTime: HOUR,
  lifeTime: 1.1 * HOUR,
  rekeyBytes: 1000,
  lifeBytes: 2000,
  rekeyPackets: 100,
  lifePackets: 200,
  esn: true,
  shared: false,
};
const UNLIMITED: LifetimeConfig = {
  ...CONFIG,
  rekeyTime: Infinity,
  lifeTime: Infinity,
  rekeyBytes: Infinity,
  lifeBytes: Infinity,
  rekeyPackets: Infinity,
  lifePackets: Infinity,
};

describe("time", () => {
  test("a rekey is due earlier by a random part, the end of life is not", () => {
    assert.deepEqual(
      [0, 0.5].map((random) => {
        const { rekeyAt, expireAt } = planLifetimes(CONFIG, random, 5000);
        return [rekeyAt, expireAt];
      }),
      [
        [5000 + HOUR, 5000 + 1.1 * HOUR],
        [5000 + 0.95 * HOUR, 5000 + 1.1 * HOUR],
      ],
    );
  });

  test("no limit stays no limit", () => {
    const { rekeyAt, expireAt, limits } = planLifetimes(UNLIMITED, 0.999, 5000);
    assert.deepEqual([rekeyAt, expireAt], [Infinity, Infinity]);
    assert.deepEqual(limits, { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity });
  });
});

describe("use", () => {
  test("as configured, the soft limits less a random part", () => {
    assert.deepEqual(planLifetimes(CONFIG, 0, 0).limits, { softPackets: 100, hardPackets: 200, softBytes: 1000, hardBytes: 2000 });
    assert.deepEqual(planLifetimes(CONFIG, 0.5, 0).limits, { softPackets: 95, hardPackets: 200, softBytes: 950, hardBytes: 2000 });
  });

  test("a soft limit always comes before the hard one", () => {
    const { limits } = planLifetimes({ ...CONFIG, rekeyPackets: 500, rekeyBytes: 5000 }, 0, 0);
    assert.ok(limits.softPackets < limits.hardPackets && limits.softBytes < limits.hardBytes);
  });

  test("without ESN an SA ends before its sequence numbers repeat (RFC 4303 §3.3.3)", () => {
    const { limits } = planLifetimes({ ...UNLIMITED, esn: false }, 0, 0);
    assert.equal(limits.hardPackets, 0xffffffff);
    assert.ok(limits.softPackets <= 0.9 * 0xffffffff);
  });

  test("a shared SA ends before its 32-bit reservation counter runs over, ESN or not", () => {
    for (const esn of [true, false]) {
      const { limits } = planLifetimes({ ...UNLIMITED, esn, shared: true }, 0, 0);
      assert.equal(limits.hardPackets, 2 ** 32 - 2 ** 16);
      assert.ok(limits.softPackets < limits.hardPackets);
    }
  });
});
