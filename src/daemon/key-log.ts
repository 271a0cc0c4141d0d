/** Keys for Wireshark, when the operator asks for them: its tables `ikev2_decryption_table` and `esp_sa`, as it reads them from a profile folder. */
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyMaterial } from "../ike/events.ts";
import { espCipherNamed } from "../ipsec/esp-cipher.ts";
import type { EspCipherProperties, EspMac } from "../ipsec/esp-cipher.ts";
import { formatEspSpi } from "../ipsec/names.ts";
import { EncryptionAlgorithm, IntegrityAlgorithm } from "../wire/iana/index.ts";
import { toHex } from "../wire/octets.ts";
import { ExitCode, Failure } from "./exit-codes.ts";

const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

export class KeyLog {
  readonly #ikeTable: string;
  readonly #espTable: string;

  /** Both tables begin empty. @throws Failure when they cannot be written */
  constructor(directory: string) {
    this.#ikeTable = join(directory, "ikev2_decryption_table");
    this.#espTable = join(directory, "esp_sa");
    try {
      mkdirSync(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
      for (const table of [this.#ikeTable, this.#espTable]) {
        writeFileSync(table, "", { mode: OWNER_ONLY });
        // `mode` is for new files only.
        chmodSync(table, OWNER_ONLY);
      }
    } catch (error) {
      const text = `The keys cannot be written to daemon.key_log, ${directory}: ${(error as NodeJS.ErrnoException).message}.`;
      throw new Failure(ExitCode.FAILURE, text, { cause: error });
    }
  }

  /** The keys are written before this returns: their owner wipes them. What Wireshark has no name for is left out. */
  note(keys: KeyMaterial): void {
    const line = keys.kind === "ike" ? ikeLine(keys) : espLine(keys);
    if (line !== undefined) appendFileSync(keys.kind === "ike" ? this.#ikeTable : this.#espTable, `${line}\n`);
  }
}

/** Names from Wireshark's packet-isakmp.c. It has none for ChaCha20-Poly1305, here and for ESP (seen in 4.0.17). */
const IKE_INTEGRITY: ReadonlyMap<number, string> = new Map([
  [IntegrityAlgorithm.AUTH_HMAC_SHA1_96, "HMAC_SHA1_96 [RFC2404]"],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_256_128, "HMAC_SHA2_256_128 [RFC4868]"],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_384_192, "HMAC_SHA2_384_192 [RFC4868]"],
  [IntegrityAlgorithm.AUTH_HMAC_SHA2_512_256, "HMAC_SHA2_512_256 [RFC4868]"],
]);

function ikeEncryption({ id, keyLength }: { readonly id: number; readonly keyLength: number }): string | undefined {
  switch (id) {
    case EncryptionAlgorithm.ENCR_AES_GCM_16:
      return `AES-GCM-${keyLength} with 16 octet ICV [RFC5282]`;
    case EncryptionAlgorithm.ENCR_AES_GCM_12:
      return `AES-GCM-${keyLength} with 12 octet ICV [RFC5282]`;
    case EncryptionAlgorithm.ENCR_AES_GCM_8:
      return `AES-GCM-${keyLength} with 8 octet ICV [RFC5282]`;
    case EncryptionAlgorithm.ENCR_AES_CBC:
      return `AES-CBC-${keyLength} [RFC3602]`;
    case EncryptionAlgorithm.ENCR_AES_CTR:
      return `AES-CTR-${keyLength} [RFC5930]`;
    default:
      return undefined;
  }
}

function ikeLine(keys: Extract<KeyMaterial, { kind: "ike" }>): string | undefined {
  const encryption = ikeEncryption(keys.encryption);
  const integrity = keys.integrity === undefined ? "NONE [RFC4306]" : IKE_INTEGRITY.get(keys.integrity);
  if (encryption === undefined || integrity === undefined) return undefined;
  const { initiatorSpi, responderSpi, skEi, skEr, skAi, skAr } = keys;
  return [initiatorSpi, responderSpi, toHex(skEi), toHex(skEr), `"${encryption}"`, toHex(skAi), toHex(skAr), `"${integrity}"`].join(",");
}

/** Names from Wireshark's packet-ipsec.c. The sequence number's length is left to its default: for decryption it does not matter. */
function espEncryption({ mode, icvLength }: EspCipherProperties): string | undefined {
  switch (mode) {
    case "gcm":
      return `AES-GCM with ${icvLength} octet ICV [RFC4106]`;
    case "cbc":
      return "AES-CBC [RFC3602]";
    case "ctr":
      return "AES-CTR [RFC3686]";
    case "chacha20poly1305":
      return undefined;
  }
}

const ESP_INTEGRITY: Readonly<Record<EspMac, string>> = {
  sha1: "HMAC-SHA-1-96 [RFC2404]",
  sha256: "HMAC-SHA-256-128 [RFC4868]",
  sha384: "HMAC-SHA-384-192 [RFC4868]",
  sha512: "HMAC-SHA-512-256 [RFC4868]",
};

function espLine({ source, destination, spi, cipher, keymat }: Extract<KeyMaterial, { kind: "esp" }>): string | undefined {
  const properties = espCipherNamed(cipher);
  const encryption = properties === undefined ? undefined : espEncryption(properties);
  if (properties === undefined || encryption === undefined) return undefined;
  // Wireshark takes the salt of GCM and the nonce of CTR as the end of the key.
  const integrityAt = properties.keyLength + properties.saltLength;
  const key = `0x${toHex(keymat.subarray(0, integrityAt))}`;
  const integrity =
    properties.mac === undefined ? ["NULL", ""] : [ESP_INTEGRITY[properties.mac], `0x${toHex(keymat.subarray(integrityAt))}`];
  const protocol = source.address.includes(":") ? "IPv6" : "IPv4";
  const fields = [protocol, source.address, destination.address, `0x${formatEspSpi(spi)}`, encryption, key, ...integrity];
  return fields.map((field) => `"${field}"`).join(",");
}
