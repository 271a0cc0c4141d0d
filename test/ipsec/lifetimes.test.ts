import { strict as assert } from "node:assert";
import { test } from "node:test";
import { planLifetimes } from "../../src/ipsec/lifetimes.ts";
import type { LifetimeConfig } from "../../src/ipsec/lifetimes.ts";

const config: LifetimeConfig = {
  rekeyTime: 3600_000,
  lifeTime: 3960_000,
  rekeyBytes: Infinity,
  lifeBytes: Infinity,
  rekeyPackets: Infinity,
  lifePackets: Infinity,
  esn: true,
  shared: false,
};

test("soft comes before hard, whatever is drawn, and two draws differ", () => {
  for (const random of [0, 0.3, 0.999]) {
    const { rekeyAt, expireAt, limits } = planLifetimes(
      { ...config, rekeyPackets: 1000, lifePackets: 1100, rekeyBytes: 5000, lifeBytes: 6000 },
      random,
      100,
    );
    assert.ok(rekeyAt > 100 && rekeyAt < expireAt);
    assert.ok(limits.softPackets < limits.hardPackets && limits.softBytes < limits.hardBytes);
    assert.ok(limits.softPackets <= 1000 && limits.softPackets >= 890);
  }
  assert.notEqual(planLifetimes(config, 0, 0).rekeyAt, planLifetimes(config, 0.5, 0).rekeyAt);
});

test("without ESN an SA ends with its 32-bit sequence numbers, and is rekeyed well before", () => {
  const { limits } = planLifetimes({ ...config, esn: false }, 0.5, 0);
  assert.equal(limits.hardPackets, 2 ** 32 - 1);
  assert.ok(limits.softPackets < limits.hardPackets * 0.95);
  assert.equal(planLifetimes(config, 0.5, 0).limits.hardPackets, Infinity);
});

test("a shared SA ends below its 32-bit reservation counter even with ESN", () => {
  for (const esn of [true, false])
    assert.equal(planLifetimes({ ...config, esn, shared: true }, 0, 0).limits.hardPackets, 2 ** 32 - 2 ** 16);
});

test("no limit stays no limit", () => {
  const { rekeyAt, expireAt, limits } = planLifetimes({ ...config, rekeyTime: Infinity, lifeTime: Infinity }, 0.5, 0);
  assert.deepEqual([rekeyAt, expireAt, limits.softBytes, limits.hardBytes, limits.softPackets], Array(5).fill(Infinity));
});
