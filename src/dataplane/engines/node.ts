import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { CipherGCMTypes } from "node:crypto";
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspCipher, EspCipherProperties, EspMac } from "../../ipsec/esp-cipher.ts";
import { checkKey, cipherOf, handleOf, keyLengthOf, SLOT_ALIGNMENT, slotOf } from "./ciphers.ts";
import type { CipherEngine } from "./engine.ts";
import { AES_BLOCK_LENGTH, NONCE_LENGTH } from "./engine.ts";
import { writeVerdict } from "./verdict.ts";

/** A descriptor with views of what it names. */
interface Job {
  readonly payload: Uint8Array;
  readonly authenticated: Uint8Array;
  readonly nonce: Uint8Array;
  readonly icv: number;
}

/** One key, and what is done with a job under it. */
interface KeyInUse {
  readonly key: Uint8Array;
  readonly macKey: Uint8Array;
  readonly cipher: EspCipherProperties;
}

/** The ciphers by node:crypto, one object per packet: some 5 µs each, but there on every machine. Keys stay in their slots, so that they can be wiped. */
export class NodeEngine implements CipherEngine {
  readonly name = "node";
  readonly version = process.versions.node;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
  }

  keySlotSize(cipher: EspCipher): number {
    return Math.ceil(keyLengthOf(cipher) / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
  }

  expandKey(cipher: EspCipher, key: Uint8Array, slot: number): number {
    checkKey(cipher, key);
    const handle = handleOf(cipher, slot);
    this.#u8.set(key, slot);
    return handle;
  }

  forgetKey(handle: number): void {
    const slot = slotOf(handle);
    this.#u8.fill(0, slot, slot + this.keySlotSize(cipherOf(handle).name));
  }

  seal(handle: number, batch: number, n: number): void {
    const inUse = this.#keyOf(handle);
    const seal = inUse.cipher.mac === undefined ? sealAead : encryptThenMac;
    for (let i = 0; i < n; i++) seal(inUse, this.#job(batch + i * JOB_SIZE, inUse.cipher), this.#u8);
  }

  open(handle: number, batch: number, n: number): void {
    const inUse = this.#keyOf(handle);
    const open = inUse.cipher.mac === undefined ? openAead : macAndDecrypt;
    for (let i = 0; i < n; i++) open(inUse, this.#job(batch + i * JOB_SIZE, inUse.cipher), this.#u8);
  }

  #keyOf(handle: number): KeyInUse {
    const cipher = cipherOf(handle);
    const slot = slotOf(handle);
    const end = slot + cipher.keyLength;
    return { cipher, key: this.#u8.subarray(slot, end), macKey: this.#u8.subarray(end, end + cipher.macKeyLength) };
  }

  #job(descriptor: number, { mac }: EspCipherProperties): Job {
    const field = (at: number): number => this.#u32[(descriptor + at) >> 2] ?? 0;
    const part = (at: number, length: number): Uint8Array => this.#u8.subarray(at, at + length);
    return {
      payload: part(field(JOB_PAYLOAD), field(JOB_LENGTH)),
      authenticated: part(field(JOB_AAD), field(JOB_AAD_LENGTH)),
      nonce: part(field(JOB_NONCE), mac === undefined ? NONCE_LENGTH : AES_BLOCK_LENGTH),
      icv: field(JOB_ICV),
    };
  }
}

/** node:crypto knows ChaCha20-Poly1305 by the same calls as GCM, which its types do not say. */
const aeadName = ({ mode, keyLength }: EspCipherProperties): CipherGCMTypes =>
  (mode === "gcm" ? `aes-${keyLength * 8}-gcm` : "chacha20-poly1305") as CipherGCMTypes;

function sealAead({ cipher, key }: KeyInUse, { payload, authenticated, nonce, icv }: Job, u8: Uint8Array): void {
  const aead = createCipheriv(aeadName(cipher), key, nonce, { authTagLength: cipher.icvLength });
  aead.setAAD(authenticated);
  payload.set(aead.update(payload));
  aead.final();
  u8.set(aead.getAuthTag(), icv);
}

function openAead({ cipher, key }: KeyInUse, { payload, authenticated, nonce, icv }: Job, u8: Uint8Array): void {
  const received = payload.byteOffset + payload.length;
  const aead = createDecipheriv(aeadName(cipher), key, nonce, { authTagLength: cipher.icvLength });
  aead.setAAD(authenticated);
  aead.setAuthTag(u8.slice(received, received + cipher.icvLength));
  const plaintext = aead.update(payload);
  writeVerdict(u8, received, icv, cipher.icvLength, verifies(aead));
  payload.set(plaintext);
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

const blockName = ({ mode, keyLength }: EspCipherProperties): string => `aes-${keyLength * 8}-${mode}`;

function encryptThenMac(inUse: KeyInUse, { payload, authenticated, nonce, icv }: Job, u8: Uint8Array): void {
  const cipher = createCipheriv(blockName(inUse.cipher), inUse.key, nonce).setAutoPadding(false);
  payload.set(cipher.update(payload));
  u8.set(macOf(inUse, authenticated), icv);
}

function macAndDecrypt(inUse: KeyInUse, { payload, authenticated, nonce, icv }: Job, u8: Uint8Array): void {
  u8.set(macOf(inUse, authenticated), icv);
  const decipher = createDecipheriv(blockName(inUse.cipher), inUse.key, nonce).setAutoPadding(false);
  payload.set(decipher.update(payload));
}

function macOf({ cipher, macKey }: KeyInUse, authenticated: Uint8Array): Uint8Array {
  return createHmac(cipher.mac as EspMac, macKey)
    .update(authenticated)
    .digest()
    .subarray(0, cipher.icvLength);
}
