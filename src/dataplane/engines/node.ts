import { createCipheriv, createDecipheriv } from "node:crypto";
import type { CipherGCMTypes } from "node:crypto";
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspCipher } from "../../ipsec/sadb.ts";
import { checkKey, cipherOf, handleOf, keyLengthOf, SLOT_ALIGNMENT, slotOf } from "./ciphers.ts";
import type { AeadEngine } from "./engine.ts";
import { ICV_LENGTH, NONCE_LENGTH } from "./engine.ts";
import { writeVerdict } from "./verdict.ts";

/** node:crypto knows ChaCha20-Poly1305 by the same calls as GCM, which its types do not say. */
const NODE_NAMES: Readonly<Record<EspCipher, CipherGCMTypes>> = {
  aes128gcm16: "aes-128-gcm",
  aes256gcm16: "aes-256-gcm",
  chacha20poly1305: "chacha20-poly1305" as CipherGCMTypes,
};

/** AEAD by node:crypto, one cipher object per packet: some 5 µs each, but there on every machine. Keys stay in their slots, so that they can be wiped. */
export class NodeEngine implements AeadEngine {
  readonly name = "node";
  readonly version = process.versions.node;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
  }

  keySlotSize(): number {
    return SLOT_ALIGNMENT;
  }

  expandKey(cipher: EspCipher, key: Uint8Array, slot: number): number {
    checkKey(cipher, key);
    const handle = handleOf(cipher, slot);
    this.#u8.set(key, slot);
    return handle;
  }

  forgetKey(handle: number): void {
    const slot = slotOf(handle);
    this.#u8.fill(0, slot, slot + SLOT_ALIGNMENT);
  }

  seal(handle: number, batch: number, n: number): void {
    const u8 = this.#u8;
    const { name, key } = this.#keyOf(handle);
    for (let i = 0; i < n; i++) {
      const { payload, aad, nonce, icv } = this.#job(batch + i * JOB_SIZE);
      const cipher = createCipheriv(name, key, nonce, { authTagLength: ICV_LENGTH });
      cipher.setAAD(aad);
      payload.set(cipher.update(payload));
      cipher.final();
      u8.set(cipher.getAuthTag(), icv);
    }
  }

  open(handle: number, batch: number, n: number): void {
    const u8 = this.#u8;
    const { name, key } = this.#keyOf(handle);
    for (let i = 0; i < n; i++) {
      const { payload, aad, nonce, icv } = this.#job(batch + i * JOB_SIZE);
      const received = payload.byteOffset + payload.length;
      const decipher = createDecipheriv(name, key, nonce, { authTagLength: ICV_LENGTH });
      decipher.setAAD(aad);
      decipher.setAuthTag(u8.slice(received, received + ICV_LENGTH));
      const plaintext = decipher.update(payload);
      writeVerdict(u8, received, icv, verifies(decipher));
      payload.set(plaintext);
    }
  }

  #keyOf(handle: number): { name: CipherGCMTypes; key: Uint8Array } {
    const cipher = cipherOf(handle);
    const slot = slotOf(handle);
    return { name: NODE_NAMES[cipher], key: this.#u8.subarray(slot, slot + keyLengthOf(cipher)) };
  }

  #job(descriptor: number): { payload: Uint8Array; aad: Uint8Array; nonce: Uint8Array; icv: number } {
    const field = (at: number): number => this.#u32[(descriptor + at) >> 2] ?? 0;
    const part = (at: number, length: number): Uint8Array => this.#u8.subarray(at, at + length);
    return {
      payload: part(field(JOB_PAYLOAD), field(JOB_LENGTH)),
      aad: part(field(JOB_AAD), field(JOB_AAD_LENGTH)),
      nonce: part(field(JOB_NONCE), NONCE_LENGTH),
      icv: field(JOB_ICV),
    };
  }
}

/** `final` throws on a wrong tag and for nothing else: everything before it has been accepted. */
function verifies(decipher: { final(): Buffer }): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}
