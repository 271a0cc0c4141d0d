/** How large an inner packet may be so that what leaves for the peer fits the path. */

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;
/** SPI and sequence number (RFC 4303 §2). */
const ESP_HEADER = 8;
/** Explicit IV of AES-GCM and ChaCha20-Poly1305 (RFC 4106 §3.1, RFC 7634 §2). */
const ESP_IV = 8;
/** Pad Length and Next Header. */
const ESP_TRAILER = 2;
const ESP_ICV = 16;
/** Padding aligns the trailer's end to 4 octets (RFC 4303 §2.4); these ciphers ask for no more. */
const ESP_ALIGNMENT = 4;

/** Every host takes IPv4 datagrams of 576 octets (RFC 1122 §3.3.2); what tunnels leave of a path is never below this. */
export const MIN_TUNNEL_MTU = 576;

/**
 * Largest inner packet, in octets, that an outer path of `outerMtu` octets carries in one ESP-in-UDP packet.
 *
 * @param family of the outer addresses
 */
export function tunnelMtu(outerMtu: number, family: 4 | 6): number {
  const room = outerMtu - (family === 4 ? IPV4_HEADER : IPV6_HEADER) - UDP_HEADER - ESP_HEADER - ESP_IV - ESP_ICV;
  return Math.max(MIN_TUNNEL_MTU, Math.floor(room / ESP_ALIGNMENT) * ESP_ALIGNMENT - ESP_TRAILER);
}
