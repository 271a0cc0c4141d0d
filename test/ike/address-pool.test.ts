/** Pools of virtual addresses: no address twice, all come back, and who comes again gets the one that it had. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AddressPool } from "../../src/ike/address-pool.ts";

const poolOf = (size: number, remembered?: number): AddressPool => new AddressPool(100n, 99n + BigInt(size), remembered);

describe("a pool of addresses", () => {
  test("gives them one after the other, and none when all are in use", () => {
    const pool = poolOf(3);
    assert.deepEqual(
      ["a", "b", "c", "d"].map((owner) => pool.take(owner)),
      [100n, 101n, 102n, undefined],
    );
    assert.equal(pool.inUse, 3);
  });

  test("gives a wish that is free, and another address for one that is in use, or was another's, or is not in it", () => {
    const pool = poolOf(10);
    assert.equal(pool.take("a", 105n), 105n);
    assert.equal(pool.take("b", 105n), 100n);
    pool.giveBack(105n);
    assert.equal(pool.take("c", 105n), 101n);
    assert.equal(pool.take("d", 99n), 102n);
    assert.equal(pool.take("e", 110n), 103n);
  });

  test("gives who comes again what it had, whatever others took and it wishes", () => {
    const pool = poolOf(3);
    for (const owner of ["a", "b"]) pool.take(owner);
    pool.giveBack(100n);
    assert.equal(pool.take("c"), 102n, "one that nobody had");
    assert.equal(pool.take("a", 101n), 100n);
  });

  test("gives the address of who is away the longest when there is no other", () => {
    const pool = poolOf(3);
    for (const owner of ["a", "b", "c"]) pool.take(owner);
    for (const address of [101n, 100n, 102n]) pool.giveBack(address);
    assert.equal(pool.take("d"), 101n);
    assert.equal(pool.take("a"), 100n);
    assert.equal(pool.take("b"), 102n, "its own has gone to another");
  });

  test("keeps the last of several addresses that one owner had", () => {
    const pool = poolOf(4);
    for (const address of [pool.take("a"), pool.take("a")]) assert.ok(address !== undefined);
    pool.giveBack(100n);
    pool.giveBack(101n);
    assert.deepEqual([pool.remembered, pool.take("a")], [1, 101n]);
  });

  test("remembers no more owners than it may, and loses none of their addresses", () => {
    const pool = poolOf(8, 2);
    const taken = ["a", "b", "c", "d"].map((owner) => pool.take(owner) ?? -1n);
    for (const address of taken) pool.giveBack(address);
    assert.equal(pool.remembered, 2);
    assert.equal(pool.take("d"), 103n);
    const rest = Array.from({ length: 8 }, (_, index) => pool.take(`new ${index}`)).filter((address) => address !== undefined);
    assert.equal(new Set([103n, ...rest]).size, 8);
  });

  test("of all IPv6 addresses of a network costs nothing", () => {
    const pool = new AddressPool(0n, 2n ** 64n - 1n);
    assert.equal(pool.take("a", 2n ** 63n), 2n ** 63n);
    assert.equal(pool.size, 2n ** 64n);
  });

  test("takes nothing back that is not in use", () => {
    const pool = poolOf(2);
    pool.giveBack(100n);
    pool.giveBack(7n);
    assert.deepEqual([pool.inUse, pool.remembered], [0, 0]);
  });
});

describe("whatever peers do", () => {
  const deeds = fc.array(
    fc.oneof(
      fc.record({ take: fc.integer({ min: 0, max: 9 }), wish: fc.option(fc.bigInt(98n, 112n), { nil: undefined }) }),
      fc.record({ giveBack: fc.nat() }),
    ),
    { maxLength: 200 },
  );

  test("no address is in use twice, none is refused while one is free, and all come back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 5 }), deeds, (size, remembered, all) => {
        const pool = poolOf(size, remembered);
        const inUse = new Map<bigint, string>();
        for (const deed of all) {
          if ("take" in deed) {
            const owner = `peer ${deed.take}`;
            const address = pool.take(owner, deed.wish);
            assert.equal(address === undefined, inUse.size === size, "refused only when all are in use");
            if (address === undefined) continue;
            assert.ok(pool.first <= address && address <= pool.last);
            assert.ok(!inUse.has(address), "it is nobody else's");
            inUse.set(address, owner);
          } else {
            const address = [...inUse.keys()][deed.giveBack % Math.max(1, inUse.size)];
            if (address === undefined) continue;
            pool.giveBack(address);
            inUse.delete(address);
          }
          assert.equal(pool.inUse, inUse.size);
          assert.ok(pool.remembered <= remembered);
        }
        for (const address of inUse.keys()) pool.giveBack(address);
        const again = Array.from({ length: size }, (_, index) => pool.take(`another ${index}`));
        assert.equal(new Set(again).size, size);
        assert.ok(!again.includes(undefined));
      }),
      { seed: 7296, numRuns: 200 },
    );
  });
});
