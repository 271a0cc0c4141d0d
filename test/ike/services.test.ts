/** Numbers that must not be given out twice. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entropy } from "../../src/crypto/entropy.ts";
import { Services } from "../../src/ike/services.ts";
import { cpuIndex } from "../../src/ipsec/names.ts";
import { newSpiSteering } from "../../src/ipsec/spi-steering.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import { endpointConfig } from "./harness/configs.ts";

/** Entropy that gives these draws, eight octets each with the number at their end, and no more. */
function servicesDrawing(...draws: number[]): Services {
  const entropy: Entropy = {
    bytes: (n) => {
      const octets = new Uint8Array(n);
      const draw = draws.shift();
      assert.ok(draw !== undefined, "more is drawn than is needed");
      octets[n - 1] = draw;
      return octets;
    },
  };
  const steering = newSpiSteering((n) => new Uint8Array(n).fill(1), 1);
  return new Services(endpointConfig("left"), { entropy, steering, cpus: [cpuIndex(0)], date: () => 0 });
}

describe("an IKE SPI", () => {
  test("is not zero and not in use (RFC 7296 §2.6): then another one is drawn", () => {
    const services = servicesDrawing(0, 5, 5, 0, 5, 6);
    assert.equal(services.reserveIkeSpi(), ikeSpi(5n), "zero is passed over");
    assert.equal(services.reserveIkeSpi(), ikeSpi(6n), "so is one that is taken, however often it comes");
  });

  test("may come again when its IKE SA has gone", () => {
    const services = servicesDrawing(5, 5);
    services.releaseIkeSpi(services.reserveIkeSpi());
    assert.equal(services.reserveIkeSpi(), ikeSpi(5n));
  });
});
