/**
 * The ESP packet (RFC 4303 §2) as the AEAD ciphers lay it out (RFC 4106 §3, RFC 7634 §2):
 *
 *     | SPI | Sequence Number | IV | payload | padding | Pad Length | Next Header | ICV |
 *     |<------- 8 ----------->|<8>|<---------------- ciphertext ---------------->|<16>|
 *
 * Everything here returns a verdict and never throws: it stands on the packet path's side of the house.
 */
import { Writer } from "./octets.ts";

/** SPI and sequence number. */
export const ESP_HEADER_LENGTH = 8;
/** The explicit IV of AES-GCM and ChaCha20-Poly1305. */
export const ESP_IV_LENGTH = 8;
export const ESP_ICV_LENGTH = 16;
/** Pad Length and Next Header. */
export const ESP_TRAILER_LENGTH = 2;
/** RFC 4303 §2.4: the ciphertext ends on a multiple of this, whatever the cipher. */
export const ESP_ALIGNMENT = 4;

export interface EspLayout {
  readonly ivLength: number;
  readonly icvLength: number;
}

const AEAD_LAYOUT: EspLayout = { ivLength: ESP_IV_LENGTH, icvLength: ESP_ICV_LENGTH };

/** Accessors cannot fail: {@link over} checked once that all parts are there. Nothing is copied. */
export class EspView {
  readonly #packet: Uint8Array;
  readonly #layout: EspLayout;

  private constructor(packet: Uint8Array, layout: EspLayout) {
    this.#packet = packet;
    this.#layout = layout;
  }

  /** Undefined for a packet too short for header, IV, trailer and ICV, or whose ciphertext is not aligned. */
  static over(packet: Uint8Array, layout: EspLayout = AEAD_LAYOUT): EspView | undefined {
    const ciphertextLength = packet.length - ESP_HEADER_LENGTH - layout.ivLength - layout.icvLength;
    if (ciphertextLength < ESP_ALIGNMENT || ciphertextLength % ESP_ALIGNMENT !== 0) return undefined;
    return new EspView(packet, layout);
  }

  /** 1 to 2^32-1; 0 never comes here, since it is the non-ESP marker. */
  get spi(): number {
    return this.#u32(0);
  }

  /** The low 32 bits; with ESN the receiver infers the high ones (RFC 4303 appendix A). */
  get sequence(): number {
    return this.#u32(4);
  }

  get iv(): Uint8Array {
    return this.#packet.subarray(ESP_HEADER_LENGTH, this.ciphertextOffset);
  }

  get ciphertextOffset(): number {
    return ESP_HEADER_LENGTH + this.#layout.ivLength;
  }

  get ciphertext(): Uint8Array {
    return this.#packet.subarray(this.ciphertextOffset, this.icvOffset);
  }

  get icvOffset(): number {
    return this.#packet.length - this.#layout.icvLength;
  }

  get icv(): Uint8Array {
    return this.#packet.subarray(this.icvOffset);
  }

  #u32(at: number): number {
    return new DataView(this.#packet.buffer, this.#packet.byteOffset + at, 4).getUint32(0);
  }
}

export interface EspTrailer {
  /** Octets of the plaintext before the padding. */
  readonly payloadLength: number;
  readonly padLength: number;
  /** iana IpProtocol: 4 or 41 in tunnel mode, 59 for a dummy packet (RFC 4303 §2.6). */
  readonly nextHeader: number;
}

/** Reads the end of a decrypted ciphertext. Undefined if the padding is longer than what is there, or is not 1, 2, 3, … (§2.4). */
export function decodeEspTrailer(plaintext: Uint8Array): EspTrailer | undefined {
  const padLength = plaintext[plaintext.length - 2];
  const nextHeader = plaintext[plaintext.length - 1];
  if (padLength === undefined || nextHeader === undefined) return undefined;
  const payloadLength = plaintext.length - ESP_TRAILER_LENGTH - padLength;
  if (payloadLength < 0) return undefined;
  for (let index = 0; index < padLength; index++) {
    if (plaintext[payloadLength + index] !== index + 1) return undefined;
  }
  return { payloadLength, padLength, nextHeader };
}

/** The shortest padding, 0 to 3 octets, that aligns so many octets of payload and the trailer. */
export function espPadLength(payloadLength: number): number {
  // The outer remainder: in JavaScript -1 % 4 is -1, and 4 - 0 would be a whole block too many.
  return (ESP_ALIGNMENT - ((payloadLength + ESP_TRAILER_LENGTH) % ESP_ALIGNMENT)) % ESP_ALIGNMENT;
}

/** Padding, Pad Length and Next Header for so many octets of payload. */
export function encodeEspTrailer(payloadLength: number, nextHeader: number): Uint8Array<ArrayBuffer> {
  const padLength = espPadLength(payloadLength);
  const writer = new Writer(padLength + ESP_TRAILER_LENGTH);
  for (let octet = 1; octet <= padLength; octet++) writer.u8(octet);
  return writer.u8(padLength).u8(nextHeader).finish();
}

/** Octets of the ESP packet, from SPI to ICV, that carries so many octets of payload. */
export function espPacketLength(payloadLength: number, layout: EspLayout = AEAD_LAYOUT): number {
  return ESP_HEADER_LENGTH + layout.ivLength + payloadLength + espPadLength(payloadLength) + ESP_TRAILER_LENGTH + layout.icvLength;
}

/** What the ICV covers besides the ciphertext: 8 octets, or 12 with a 64-bit sequence number (RFC 4106 §5, RFC 7634 §2.1). */
export function espAad(spi: number, sequence: bigint, esn: boolean): Uint8Array<ArrayBuffer> {
  const writer = new Writer(12).u32(spi);
  return (esn ? writer.u64(sequence) : writer.u32(Number(BigInt.asUintN(32, sequence)))).finish();
}
