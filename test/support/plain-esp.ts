/** ESP the plain way, packet by packet with node:crypto, as the RFCs say it: what kernels and engines are held against. */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { CipherGCMTypes } from "node:crypto";
import { propertiesOf } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipher, EspCipherProperties } from "../../src/ipsec/esp-cipher.ts";

export interface PlainSa {
  readonly cipher: EspCipher;
  /** Cipher key, salt, integrity key. */
  readonly keymat: Uint8Array;
  /** The upper half of the sequence number, with ESN. */
  readonly esnHigh?: number;
}

export interface PlainPacket {
  readonly spi: number;
  readonly sequence: number;
  readonly iv: Uint8Array;
  readonly inner: Uint8Array;
  /** As it stands in the packet. */
  readonly padding: Uint8Array;
  readonly nextHeader: number;
}

const aeadName = ({ mode, keyLength }: EspCipherProperties): CipherGCMTypes =>
  (mode === "gcm" ? `aes-${keyLength * 8}-gcm` : "chacha20-poly1305") as CipherGCMTypes;

const word = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value >>> 0);
  return octets;
};

function parts({ cipher, keymat }: PlainSa): { properties: EspCipherProperties; key: Uint8Array; salt: Uint8Array; macKey: Uint8Array } {
  const properties = propertiesOf(cipher);
  const { keyLength, saltLength } = properties;
  return {
    properties,
    key: keymat.slice(0, keyLength),
    salt: keymat.slice(keyLength, keyLength + saltLength),
    macKey: keymat.slice(keyLength + saltLength),
  };
}

/** AES-CBC's IV, or AES-CTR's first counter block. */
const blockOf = ({ mode }: EspCipherProperties, salt: Uint8Array, iv: Uint8Array): Uint8Array =>
  mode === "cbc" ? iv : Buffer.concat([salt, iv, word(1)]);

/** @param iv as it shall stand in the packet */
export function sealPlain(sa: PlainSa, spi: number, sequence: number, inner: Uint8Array, iv: Uint8Array, nextHeader = 4): Uint8Array {
  const { properties, key, salt, macKey } = parts(sa);
  const { alignment, icvLength, mode, keyLength, mac } = properties;
  const padding = (alignment - ((inner.length + 2) % alignment)) % alignment;
  const text = Buffer.concat([inner, Uint8Array.from({ length: padding }, (_, i) => i + 1), Uint8Array.of(padding, nextHeader)]);
  const header = Buffer.concat([word(spi), word(sequence)]);
  if (mac === undefined) {
    const cipher = createCipheriv(aeadName(properties), key, Buffer.concat([salt, iv]), { authTagLength: icvLength });
    cipher.setAAD(sa.esnHigh === undefined ? header : Buffer.concat([word(spi), word(sa.esnHigh), word(sequence)]));
    return Uint8Array.from(Buffer.concat([header, iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]));
  }
  const cipher = createCipheriv(`aes-${keyLength * 8}-${mode}`, key, blockOf(properties, salt, iv)).setAutoPadding(false);
  const packet = Buffer.concat([header, iv, cipher.update(text), cipher.final()]);
  return Uint8Array.from(Buffer.concat([packet, icvOf(sa, mac, macKey, packet).subarray(0, icvLength)]));
}

/** @throws Error when the ICV is wrong */
export function openPlain(sa: PlainSa, packet: Uint8Array): PlainPacket {
  const { properties, key, salt, macKey } = parts(sa);
  const { ivLength, icvLength, mode, keyLength, mac } = properties;
  const octets = Buffer.from(packet);
  const iv = octets.subarray(8, 8 + ivLength);
  const ciphertext = octets.subarray(8 + ivLength, octets.length - icvLength);
  const icv = octets.subarray(octets.length - icvLength);
  let text: Buffer;
  if (mac === undefined) {
    const decipher = createDecipheriv(aeadName(properties), key, Buffer.concat([salt, iv]), { authTagLength: icvLength });
    const [spi, low] = [octets.subarray(0, 4), octets.subarray(4, 8)];
    decipher.setAAD(sa.esnHigh === undefined ? octets.subarray(0, 8) : Buffer.concat([spi, word(sa.esnHigh), low]));
    decipher.setAuthTag(icv);
    text = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } else {
    const expected = icvOf(sa, mac, macKey, octets.subarray(0, octets.length - icvLength)).subarray(0, icvLength);
    if (!expected.equals(icv)) throw new Error("the ICV is wrong");
    const decipher = createDecipheriv(`aes-${keyLength * 8}-${mode}`, key, blockOf(properties, salt, iv)).setAutoPadding(false);
    text = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  }
  const end = text.length - 2;
  const padLength = text[end] ?? 0;
  return {
    spi: octets.readUInt32BE(0),
    sequence: octets.readUInt32BE(4),
    iv: Uint8Array.from(iv),
    inner: Uint8Array.from(text.subarray(0, end - padLength)),
    padding: Uint8Array.from(text.subarray(end - padLength, end)),
    nextHeader: text[end + 1] ?? 0,
  };
}

/** RFC 4303 §2.2.1: with ESN the upper half of the sequence number is authenticated behind the packet, where it is not sent. */
function icvOf({ esnHigh }: PlainSa, mac: string, macKey: Uint8Array, packet: Uint8Array): Buffer {
  return createHmac(mac, macKey)
    .update(packet)
    .update(esnHigh === undefined ? Buffer.alloc(0) : word(esnHigh))
    .digest();
}
