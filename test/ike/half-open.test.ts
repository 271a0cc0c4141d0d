import assert from "node:assert/strict";
import { test } from "node:test";
import { seededEntropy } from "../../src/crypto/entropy.ts";
import { HalfOpenGuard } from "../../src/ike/half-open.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { endpointConfig } from "./harness/configs.ts";

const limits = { halfOpenLimit: 4, cookieThreshold: 2, perSourceLimit: 3 };
const newGuard = (): HalfOpenGuard => new HalfOpenGuard(endpointConfig("left", { endpoint: limits }), seededEntropy(1), 0);
const input = { nonceI: new Uint8Array(32).fill(1), address: "192.0.2.9", spiI: ikeSpi(5n) };

test("below the threshold everybody gets in; above it, who returns a cookie; at the limit, nobody", () => {
  const guard = newGuard();
  const verdicts: string[] = [];
  for (const source of ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]) {
    verdicts.push(guard.admit(source, false, 0));
    if (guard.admit(source, true, 0) === "admit") guard.opened(source, true);
  }
  assert.deepEqual(verdicts, ["admit", "admit", "demand cookie", "demand cookie", "halfOpenLimit"]);
  guard.closed("192.0.2.1", true);
  assert.equal(guard.admit("192.0.2.5", true, 0), "admit");
});

test("one address has its share, of which forgers of the address use up nothing", () => {
  const guard = newGuard();
  for (let count = 0; count < 3; count++) guard.opened("192.0.2.9", false);
  assert.equal(guard.admit("192.0.2.9", false, 0), "demand cookie");
  assert.equal(guard.admit("192.0.2.9", true, 0), "admit");
  for (let count = 0; count < 3; count++) guard.closed("192.0.2.9", false);
  for (let count = 0; count < 3; count++) guard.opened("192.0.2.1", true);
  assert.equal(guard.admit("192.0.2.1", true, 0), "perSourceLimit");
  assert.equal(guard.admit("192.0.2.2", true, 0), "admit");
  guard.closed("192.0.2.1", true);
  assert.equal(guard.admit("192.0.2.1", true, 0), "admit");
});

test("values that cost a key exchange for nothing: cookies for everybody for a while", () => {
  const guard = newGuard();
  for (let count = 0; count < 10; count++) guard.wasted(0);
  assert.equal(guard.admit("192.0.2.1", false, 0), "admit", "a few are an accident");
  guard.wasted(0);
  assert.equal(guard.admit("192.0.2.1", false, 9999), "demand cookie");
  assert.equal(guard.admit("192.0.2.1", true, 9999), "admit");
  assert.equal(guard.admit("192.0.2.1", false, 10_000), "admit");
});

test("an IPv6 source has its /64, and the share of one: changing its address gives it nothing", () => {
  const guard = newGuard();
  for (let host = 1; host <= 3; host++) guard.opened(`2001:db8:0:1::${host}`, true);
  assert.equal(guard.admit("2001:db8:0:1:ffff::9", true, 0), "perSourceLimit");
  assert.equal(guard.admit("2001:db8:0:1:ffff::9", false, 0), "demand cookie");
  assert.equal(guard.admit("2001:db8:0:2::1", true, 0), "admit");
  guard.closed("2001:db8:0:1::2", true);
  assert.equal(guard.admit("2001:db8:0:1:ffff::9", true, 0), "admit");
});

test("a cookie is good for its request only", () => {
  const guard = newGuard();
  const cookie = guard.cookieFor(input, 0);
  assert.equal(guard.isGoodCookie(cookie, input, 0), true);
  assert.equal(guard.isGoodCookie(cookie, { ...input, address: "192.0.2.8" }, 0), false);
  assert.equal(guard.isGoodCookie(cookie, { ...input, spiI: ikeSpi(6n) }, 0), false);
  assert.equal(guard.isGoodCookie(cookie, { ...input, nonceI: new Uint8Array(32) }, 0), false);
  assert.equal(guard.isGoodCookie(new Uint8Array(cookie.length), input, 0), false);
  assert.equal(newGuard().isGoodCookie(guard.cookieFor(input, 0), input, 0), true, "the same entropy, the same secret");
});

test("a cookie outlives one change of the secret, not two, and no long silence", () => {
  const guard = newGuard();
  const cookie = guard.cookieFor(input, 0);
  assert.equal(guard.isGoodCookie(cookie, input, 61_000), true);
  assert.equal(guard.isGoodCookie(cookie, input, 122_000), false);
  const quiet = newGuard();
  assert.equal(quiet.isGoodCookie(quiet.cookieFor(input, 0), input, 10_000_000), false);
});
