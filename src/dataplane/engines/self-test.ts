/**
 * A known answer for each cipher, computed by every engine before it is trusted with a packet: a library that is built differently, or offsets
 * that do not fit it, must show here and not on the wire.
 */
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import { ESP_CIPHERS } from "../../ipsec/esp-cipher.ts";
import type { EspCipher, EspCipherProperties } from "../../ipsec/esp-cipher.ts";
import { keyLengthOf } from "./ciphers.ts";
import type { CipherEngine, EngineArena } from "./engine.ts";
import { AES_BLOCK_LENGTH, EngineUnavailable } from "./engine.ts";

/** Whole blocks, as CBC needs them, and more than one of every hash. */
const PLAINTEXT_LENGTH = 144;
const AEAD_AAD_LENGTH = 12;
/** Before the ciphertext, what a separate MAC covers besides: SPI, sequence number and an IV. */
const MAC_PREFIX_LENGTH = 24;
const ROOM = 1024;

/**
 * Key, nonce (or counter block, or IV), AAD and plaintext are 00 01 02 …; these are the ICVs, as `test/engines/self-test.test.ts` has node:crypto
 * compute them. A separate MAC covers 24 octets 00 01 02 … and the ciphertext.
 */
export const KNOWN_ICVS: Readonly<Record<EspCipher, string>> = {
  aes128gcm16: "abe50ac31416d53bbace7c686db5f787",
  aes128gcm12: "abe50ac31416d53bbace7c68",
  aes128gcm8: "abe50ac31416d53b",
  aes192gcm16: "c792efe2265fe1f0efcf562b0bdbd480",
  aes192gcm12: "c792efe2265fe1f0efcf562b",
  aes192gcm8: "c792efe2265fe1f0",
  aes256gcm16: "4674e03ef17e10889227714087a345be",
  aes256gcm12: "4674e03ef17e108892277140",
  aes256gcm8: "4674e03ef17e1088",
  chacha20poly1305: "aab8844000fdfee72a59d8a5ed0c3e96",
  "aes128-sha1": "48d584320f71ffbab53a61d8",
  "aes128-sha256": "aa37ed19b3bdeaf4f367a585b99a5a11",
  "aes128-sha384": "e71d05f623a98e233372b2240b3088c35db2e5b9266ec409",
  "aes128-sha512": "2e0429f50e061efc4229a77aa1ec276470e5fef7b42cf299afd7c97f437a3a71",
  "aes192-sha1": "aa41fe96fa31cfdf5768bceb",
  "aes192-sha256": "c341a5f634cf3470ee34ea08a2980ca5",
  "aes192-sha384": "f37668a96a674ae8019d1a62b27466d90450cb83a314dc12",
  "aes192-sha512": "eab595cb5da53913e57024dc0edba81f834b2ef1a2c98ea658f93f1d2c750d98",
  "aes256-sha1": "952aebda36d1ad6d393509e5",
  "aes256-sha256": "0468e9c4304a6da2db4ac541f8c31974",
  "aes256-sha384": "4c1bd1e4a14ef0c435e562e227013f9fcafee0e57dd48b13",
  "aes256-sha512": "8b45ff4060f96b2ad06d429b2ca543c8ba7664fde5bb580388019a6242a5d8d9",
  "aes128ctr-sha1": "8831d3c0cc11c4933c3ca1bf",
  "aes128ctr-sha256": "7b25a021e718e0fef76af3b3be5ec13e",
  "aes128ctr-sha384": "410e9f96720e40d08471018c554fdef2cae5040fada3fc95",
  "aes128ctr-sha512": "92b33aa64bf6f03322bfa391fde0790e04d8f49db5d87bc91a3c8743203235c5",
  "aes192ctr-sha1": "bfd357a0c394e5e2a695c2c3",
  "aes192ctr-sha256": "f50ff9efa704831ac87ce0c57f514278",
  "aes192ctr-sha384": "ff6f141eefc35c986b905da2220e370569c660fc2e304517",
  "aes192ctr-sha512": "3f7264f4ed1724d44b746b0411fbc9f1d3f23bec0111f6ead39b02a3bbce1dd5",
  "aes256ctr-sha1": "3af175984512245ecd64b102",
  "aes256ctr-sha256": "0fa7051b4d44b6354ccc39035a670bb3",
  "aes256ctr-sha384": "c3ca77dd837c7fe9398066a6056fb3c0b14da4d7ff2f525b",
  "aes256ctr-sha512": "14b861b9f459235d787083fd660482663b98d53f4c3a1cb4b2a2e516044e5686",
};

/** @throws EngineUnavailable when the engine computes something else, in either direction. Works at the end of `arena`. */
export function selfTest(engine: CipherEngine, memory: WebAssembly.Memory, arena: EngineArena): void {
  for (const cipher of ESP_CIPHERS) {
    if (!knowsAnswer(engine, cipher, memory, arena)) {
      throw new EngineUnavailable(
        engine.name,
        `${engine.name} ${engine.version} computes a wrong ${cipher.name}: it is broken or not the library it says`,
      );
    }
  }
}

function knowsAnswer(engine: CipherEngine, cipher: EspCipherProperties, memory: WebAssembly.Memory, arena: EngineArena): boolean {
  const { name, mac, icvLength } = cipher;
  const u8 = new Uint8Array(memory.buffer);
  const u32 = new Uint32Array(memory.buffer);
  const slotSize = engine.keySlotSize(name);
  const slot = Math.floor((arena.offset + arena.size - slotSize - ROOM) / 64) * 64;
  const job = slot + slotSize;
  const nonce = job + JOB_SIZE;
  const aad = nonce + AES_BLOCK_LENGTH;
  const payload = aad + MAC_PREFIX_LENGTH;
  const received = payload + PLAINTEXT_LENGTH;
  const computed = job + ROOM / 2;
  const put = (at: number, value: number): void => {
    u32[(job + at) >> 2] = value;
  };
  put(JOB_PAYLOAD, payload);
  put(JOB_LENGTH, PLAINTEXT_LENGTH);
  put(JOB_AAD, aad);
  put(JOB_AAD_LENGTH, mac === undefined ? AEAD_AAD_LENGTH : MAC_PREFIX_LENGTH + PLAINTEXT_LENGTH);
  put(JOB_NONCE, nonce);
  put(JOB_ICV, received);
  u8.set(counting(AES_BLOCK_LENGTH), nonce);
  u8.set(counting(MAC_PREFIX_LENGTH), aad);
  u8.set(counting(PLAINTEXT_LENGTH), payload);

  const handle = engine.expandKey(name, counting(keyLengthOf(name)), slot);
  engine.seal(handle, job, 1);
  const sealed = hex(u8.subarray(received, received + icvLength)) === KNOWN_ICVS[name];
  put(JOB_ICV, computed);
  engine.open(handle, job, 1);
  const opened =
    hex(u8.subarray(computed, computed + icvLength)) === KNOWN_ICVS[name] &&
    hex(u8.subarray(payload, received)) === hex(counting(PLAINTEXT_LENGTH));
  engine.forgetKey(handle);
  u8.fill(0, slot, slot + slotSize + ROOM);
  return sealed && opened;
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}
