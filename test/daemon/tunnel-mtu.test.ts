import assert from "node:assert/strict";
import { test } from "node:test";
import { ESP_CIPHERS } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipherProperties } from "../../src/ipsec/esp-cipher.ts";
import type { Encapsulation } from "../../src/ipsec/sadb.ts";
import { MIN_TUNNEL_MTU, tunnelMtu } from "../../src/daemon/tunnel-mtu.ts";

/** What RFC 4303 §2 and RFC 3948 §2.1 make of an inner packet of `inner` octets. */
function outerLength(
  inner: number,
  family: 4 | 6,
  encapsulation: Encapsulation,
  { ivLength, icvLength, alignment }: EspCipherProperties,
): number {
  const padded = Math.ceil((inner + 2) / alignment) * alignment;
  return (family === 4 ? 20 : 40) + (encapsulation === "udp" ? 8 : 0) + 8 + ivLength + padded + icvLength;
}

test("a packet of the tunnel's MTU just fits the path, whatever the cipher, in UDP and without", () => {
  for (const cipher of ESP_CIPHERS) {
    for (const [family, encapsulation] of [
      [4, "udp"],
      [4, "none"],
      [6, "udp"],
      [6, "none"],
    ] as const) {
      for (let outer = 1280; outer <= 1600; outer++) {
        const mtu = tunnelMtu(outer, family, encapsulation, cipher.name);
        assert.ok(outerLength(mtu, family, encapsulation, cipher) <= outer, `${mtu} does not fit ${outer}`);
        assert.ok(outerLength(mtu + 1, family, encapsulation, cipher) > outer, `${mtu + 1} would fit ${outer}`);
      }
    }
  }
});

test("AES-CBC with HMAC-SHA2-256 takes 8 octets of IV more than AES-GCM, and pads to its block", () => {
  assert.equal(tunnelMtu(1500, 4, "udp", "aes128-sha256"), 1422);
});

test("Ethernet leaves 1438 octets over IPv4 and 1418 over IPv6 in UDP, 8 more without", () => {
  assert.equal(tunnelMtu(1500, 4, "udp"), 1438);
  assert.equal(tunnelMtu(1500, 6, "udp"), 1418);
  assert.equal(tunnelMtu(1500, 4, "none"), 1446);
  assert.equal(tunnelMtu(1500, 6, "none"), 1426);
});

test("a tiny path leaves no less than every host must take", () => {
  assert.equal(tunnelMtu(296, 4, "udp"), MIN_TUNNEL_MTU);
});
