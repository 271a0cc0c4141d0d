/**
 * What ESP packets are protected with: the AEADs, and for old peers AES-CBC (RFC 3602) and AES-CTR (RFC 3686) with an HMAC (RFC 4868, RFC 2404).
 * Everybody who needs a length of a cipher asks this table: key management, the data plane, the tunnel's MTU, the key log.
 */

type AesBits = 128 | 192 | 256;
export type EspMac = "sha1" | "sha256" | "sha384" | "sha512";
export type AeadCipher = `aes${AesBits}gcm${8 | 12 | 16}` | "chacha20poly1305";
export type EncryptThenMacCipher = `aes${AesBits}${"" | "ctr"}-${EspMac}`;
/** Names as in swanctl proposals. */
export type EspCipher = AeadCipher | EncryptThenMacCipher;

/** All lengths in octets. */
export interface EspCipherProperties {
  readonly name: EspCipher;
  readonly mode: "gcm" | "chacha20poly1305" | "cbc" | "ctr";
  /** Without what follows it in KEYMAT. */
  readonly keyLength: number;
  /** Behind the key in KEYMAT: the salt of an AEAD (RFC 4106 §8.1, RFC 7634 §2), the nonce of AES-CTR (RFC 3686 §5.1). */
  readonly saltLength: number;
  /** The integrity algorithm beside the cipher; an AEAD has none. */
  readonly mac: EspMac | undefined;
  /** Of the integrity key, which comes last in KEYMAT (RFC 7296 §2.17); 0 for an AEAD. */
  readonly macKeyLength: number;
  /** Explicit, in the packet. */
  readonly ivLength: number;
  readonly icvLength: number;
  /** The ciphertext, which ends with Pad Length and Next Header, is a multiple of this (RFC 4303 §2.4). */
  readonly alignment: number;
}

/** RFC 4303 §2.4: to a multiple of four at the least, whatever the cipher. */
const WORD = 4;
const AES_BLOCK = 16;

/** Keys are as long as the hash (RFC 4868 §2.1.1, RFC 2404 §3), ICVs half of that, or 96 bits. */
const MACS = [
  { name: "sha1", keyLength: 20, icvLength: 12 },
  { name: "sha256", keyLength: 32, icvLength: 16 },
  { name: "sha384", keyLength: 48, icvLength: 24 },
  { name: "sha512", keyLength: 64, icvLength: 32 },
] as const;

const AES = [128, 192, 256] as const;

const AEAD = { saltLength: 4, mac: undefined, macKeyLength: 0, ivLength: 8, alignment: WORD } as const;

const MODES = [
  { mode: "cbc", suffix: "", saltLength: 0, ivLength: AES_BLOCK, alignment: AES_BLOCK },
  { mode: "ctr", suffix: "ctr", saltLength: 4, ivLength: 8, alignment: WORD },
] as const;

/** AEADs first. The order is the data plane's numbering. */
export const ESP_CIPHERS: readonly EspCipherProperties[] = [
  ...AES.flatMap((bits) =>
    ([16, 12, 8] as const).map((icvLength): EspCipherProperties => ({
      ...AEAD,
      name: `aes${bits}gcm${icvLength}`,
      mode: "gcm",
      keyLength: bits / 8,
      icvLength,
    })),
  ),
  { ...AEAD, name: "chacha20poly1305", mode: "chacha20poly1305", keyLength: 32, icvLength: 16 },
  ...MODES.flatMap(({ suffix, ...mode }) =>
    AES.flatMap((bits) =>
      MACS.map(({ name, keyLength, icvLength }): EspCipherProperties => ({
        ...mode,
        name: `aes${bits}${suffix}-${name}`,
        keyLength: bits / 8,
        mac: name,
        macKeyLength: keyLength,
        icvLength,
      })),
    ),
  ),
];

const BY_NAME: ReadonlyMap<string, EspCipherProperties> = new Map(ESP_CIPHERS.map((cipher) => [cipher.name, cipher]));

/** Undefined for what ESP is not protected with here. */
export const espCipherNamed = (name: string): EspCipherProperties | undefined => BY_NAME.get(name);

export function propertiesOf(cipher: EspCipher): EspCipherProperties {
  return BY_NAME.get(cipher) as EspCipherProperties;
}

/** Octets of KEYMAT for one direction: key, salt, integrity key. */
export function keymatLength({ keyLength, saltLength, macKeyLength }: EspCipherProperties): number {
  return keyLength + saltLength + macKeyLength;
}
