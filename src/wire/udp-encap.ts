/** UDP encapsulation of ESP and of IKE on port 4500 (RFC 3948). */
import { concat } from "./octets.ts";

/** Four zero octets where ESP has its SPI, which is never 0 (RFC 3948 §2.2). */
const NON_ESP_MARKER: Uint8Array = new Uint8Array(4);
export const NON_ESP_MARKER_LENGTH = 4;

/** The payload of a NAT-keepalive (RFC 3948 §2.3). A fresh array each time: nobody can spoil a shared one. */
export const keepalive = (): Uint8Array<ArrayBuffer> => Uint8Array.of(0xff);

/** SPI, sequence number and at least one octet more: below that nothing can be ESP. */
const MIN_ESP_LENGTH = 9;

export type EncapsulatedKind = "ike" | "esp" | "keepalive" | "malformed";

/** What a UDP payload received on port 4500 is. Never throws. */
export function classify(datagram: Uint8Array): EncapsulatedKind {
  if (datagram.length === 1 && datagram[0] === 0xff) return "keepalive";
  if (datagram.length <= NON_ESP_MARKER_LENGTH) return "malformed";
  const hasMarker = datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0 && datagram[3] === 0;
  if (hasMarker) return "ike";
  return datagram.length >= MIN_ESP_LENGTH ? "esp" : "malformed";
}

export const addNonEspMarker = (ikeMessage: Uint8Array): Uint8Array<ArrayBuffer> => concat(NON_ESP_MARKER, ikeMessage);

/** The IKE message behind the marker, as a view. Only for what {@link classify} calls "ike". */
export const removeNonEspMarker = (datagram: Uint8Array): Uint8Array => datagram.subarray(NON_ESP_MARKER_LENGTH);
