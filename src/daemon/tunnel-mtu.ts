/** How large an inner packet may be so that what leaves for the peer fits the path. */
import { propertiesOf } from "../ipsec/esp-cipher.ts";
import type { EspCipher } from "../ipsec/esp-cipher.ts";
import type { Encapsulation } from "../ipsec/sadb.ts";
import { ESP_HEADER_LENGTH, ESP_TRAILER_LENGTH } from "../wire/esp.ts";

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;

/** What ESP adds depends on the cipher; until one is agreed, on those that are offered first. */
const DEFAULT_CIPHER: EspCipher = "aes128gcm16";

/** Every host takes IPv4 datagrams of 576 octets (RFC 1122 §3.3.2); what tunnels leave of a path is never below this. */
export const MIN_TUNNEL_MTU = 576;

/**
 * Largest inner packet, in octets, that an outer path of `outerMtu` octets carries in one ESP packet.
 *
 * @param family of the outer addresses
 */
export function tunnelMtu(outerMtu: number, family: 4 | 6, encapsulation: Encapsulation, cipher: EspCipher = DEFAULT_CIPHER): number {
  const { ivLength, icvLength, alignment } = propertiesOf(cipher);
  const outerHeaders = (family === 4 ? IPV4_HEADER : IPV6_HEADER) + (encapsulation === "udp" ? UDP_HEADER : 0);
  const room = outerMtu - outerHeaders - ESP_HEADER_LENGTH - ivLength - icvLength;
  return Math.max(MIN_TUNNEL_MTU, Math.floor(room / alignment) * alignment - ESP_TRAILER_LENGTH);
}
