/**
 * The library's job records, written as packet memory from the kernels' descriptors.
 *
 * Records come from a ring of 256 in the manager, over and over: what is the same for every packet of an SA is written only when a record last
 * served another key, which the stamp in its user-data field tells.
 */
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspMac } from "../../ipsec/esp-cipher.ts";
import { cipherOf, slotOf } from "./ciphers.ts";
import { AES_BLOCK_LENGTH, NONCE_LENGTH } from "./engine.ts";
import { DECRYPTION_SCHEDULE, ENCRYPTION_SCHEDULE, HMAC_INNER, HMAC_OUTER } from "./ipsec-mb-keys.ts";
import type { IpsecMbLayout, JobLayout } from "./ipsec-mb-layout.ts";

const TWO_32 = 0x1_0000_0000;

/** The second word of a stamp; the first is the key's handle. Never 0: a stamp of 0 is a record that was never used. */
export const SEALS = 1;
export const OPENS = 2;
const LONG_AAD = 4;
const AAD_SHORT = 8;
const AAD_ESN = 12;

export class JobWriter {
  readonly #layout: IpsecMbLayout;
  readonly #job: JobLayout;
  readonly #base: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  /** Packet memory lies across a multiple of 4 GiB: the upper halves of its addresses are not all the same. */
  readonly #crosses: boolean;
  readonly #u32: Uint32Array;
  /** Offset of the list of job addresses that a burst call takes. */
  readonly #jobs: number;

  /** @param base absolute address of packet memory @param jobs offset of the list of job addresses */
  constructor(memory: WebAssembly.Memory, base: number, layout: IpsecMbLayout, jobs: number) {
    this.#layout = layout;
    this.#job = layout.job;
    this.#base = base;
    this.#baseLow = base % TWO_32;
    this.#baseHigh = Math.floor(base / TWO_32);
    this.#crosses = this.#baseLow + memory.buffer.byteLength > TWO_32;
    this.#u32 = new Uint32Array(memory.buffer);
    this.#jobs = jobs;
  }

  /** Fills the `n` records listed from the descriptors at `batch`, for an AEAD. All word indexes: everything is 4-aligned. */
  writeAead(handle: number, direction: number, batch: number, n: number): void {
    const u32 = this.#u32;
    const low = this.#baseLow;
    const layout = this.#job;
    const src = layout.src >> 2;
    const dst = layout.dst >> 2;
    const cipherLength = layout.cipherLength >> 2;
    const hashLength = layout.hashLength >> 2;
    const iv = layout.iv >> 2;
    const tag = layout.tag >> 2;
    const aad = layout.aad >> 2;
    const stamp = layout.userData >> 2;
    let descriptor = batch >> 2;
    let pointer = this.#jobs >> 2;
    for (let i = 0; i < n; i++) {
      const job = (((u32[pointer] as number) - low) >>> 0) >> 2;
      const how = u32[descriptor + (JOB_AAD_LENGTH >> 2)] === AAD_ESN ? direction | LONG_AAD : direction;
      if (u32[job + stamp] !== handle || u32[job + stamp + 1] !== how) this.#writeAeadConstants(job, handle, how);
      const payload = u32[descriptor + (JOB_PAYLOAD >> 2)] as number;
      const length = u32[descriptor + (JOB_LENGTH >> 2)] as number;
      // Storing in a Uint32Array reduces modulo 2^32, which is what the lower half of an address is.
      u32[job + src] = low + payload;
      u32[job + dst] = low + payload;
      u32[job + cipherLength] = length;
      u32[job + hashLength] = length;
      u32[job + iv] = low + (u32[descriptor + (JOB_NONCE >> 2)] as number);
      u32[job + tag] = low + (u32[descriptor + (JOB_ICV >> 2)] as number);
      u32[job + aad] = low + (u32[descriptor + (JOB_AAD >> 2)] as number);
      if (this.#crosses) {
        this.#writeUpperHalves(job, descriptor, JOB_PAYLOAD);
        this.#writeUpperHalf(job, layout.aad, descriptor, JOB_AAD);
      }
      descriptor += JOB_SIZE >> 2;
      pointer += 2;
    }
  }

  /** The same for a cipher with a separate MAC. The job's source is what the MAC covers; the ciphering starts somewhere in it. */
  writeEncryptThenMac(handle: number, direction: number, batch: number, n: number): void {
    const u32 = this.#u32;
    const low = this.#baseLow;
    const layout = this.#job;
    let descriptor = batch >> 2;
    let pointer = this.#jobs >> 2;
    for (let i = 0; i < n; i++) {
      const job = (((u32[pointer] as number) - low) >>> 0) >> 2;
      const stamp = job + (layout.userData >> 2);
      if (u32[stamp] !== handle || u32[stamp + 1] !== direction) this.#writeEncryptThenMacConstants(job, handle, direction);
      const payload = u32[descriptor + (JOB_PAYLOAD >> 2)] as number;
      const authenticated = u32[descriptor + (JOB_AAD >> 2)] as number;
      u32[job + (layout.src >> 2)] = low + authenticated;
      u32[job + (layout.dst >> 2)] = low + payload;
      u32[job + (layout.cipherStart >> 2)] = payload - authenticated;
      u32[job + (layout.cipherLength >> 2)] = u32[descriptor + (JOB_LENGTH >> 2)] as number;
      u32[job + (layout.hashLength >> 2)] = u32[descriptor + (JOB_AAD_LENGTH >> 2)] as number;
      u32[job + (layout.iv >> 2)] = low + (u32[descriptor + (JOB_NONCE >> 2)] as number);
      u32[job + (layout.tag >> 2)] = low + (u32[descriptor + (JOB_ICV >> 2)] as number);
      if (this.#crosses) this.#writeUpperHalves(job, descriptor, JOB_AAD);
      descriptor += JOB_SIZE >> 2;
      pointer += 2;
    }
  }

  /** What stays the same for every packet of one key, direction and length of AAD. */
  #writeAeadConstants(job: number, handle: number, how: number): void {
    const layout = this.#job;
    const { values } = this.#layout;
    const { mode } = cipherOf(handle);
    const key = this.#base + slotOf(handle);
    this.#writeConstants(job, handle, how, NONCE_LENGTH, [layout.src, layout.dst, layout.iv, layout.tag, layout.aad]);
    this.#put64(job, layout.encKeys, key);
    this.#put64(job, layout.decKeys, key);
    this.#put64(job, layout.cipherStart, 0);
    this.#put64(job, layout.aadLength, (how & LONG_AAD) !== 0 ? AAD_ESN : AAD_SHORT);
    this.#put(job, layout.hashAlgorithm, values.hash[mode === "gcm" ? mode : "chacha20poly1305"]);
    // An AEAD is one step for the library, taken where the cipher's turn is: first.
    this.#put(job, layout.chainOrder, values.cipherThenHash);
  }

  #writeEncryptThenMacConstants(job: number, handle: number, how: number): void {
    const layout = this.#job;
    const { values } = this.#layout;
    const { mac } = cipherOf(handle);
    const key = this.#base + slotOf(handle);
    this.#writeConstants(job, handle, how, AES_BLOCK_LENGTH, [layout.src, layout.dst, layout.iv, layout.tag]);
    this.#put64(job, layout.encKeys, key + ENCRYPTION_SCHEDULE);
    this.#put64(job, layout.decKeys, key + DECRYPTION_SCHEDULE);
    this.#put64(job, layout.hmacInner, key + HMAC_INNER);
    this.#put64(job, layout.hmacOuter, key + HMAC_OUTER);
    this.#put(job, layout.cipherStart + 4, 0);
    this.#put(job, layout.hashAlgorithm, values.hash[mac as EspMac]);
    this.#put(job, layout.chainOrder, (how & SEALS) !== 0 ? values.cipherThenHash : values.hashThenCipher);
  }

  #writeConstants(job: number, handle: number, how: number, ivLength: number, addresses: readonly number[]): void {
    const layout = this.#job;
    const { values } = this.#layout;
    const { mode, keyLength, icvLength } = cipherOf(handle);
    this.#put64(job, layout.keyLength, keyLength);
    this.#put64(job, layout.hashStart, 0);
    this.#put64(job, layout.ivLength, ivLength);
    this.#put64(job, layout.tagLength, icvLength);
    this.#put(job, layout.cipherMode, values.cipher[mode]);
    this.#put(job, layout.cipherDirection, (how & SEALS) !== 0 ? values.encrypt : values.decrypt);
    this.#put(job, layout.cipherLength + 4, 0);
    this.#put(job, layout.hashLength + 4, 0);
    for (const at of addresses) this.#put(job, at + 4, this.#baseHigh);
    this.#put(job, layout.userData, handle);
    this.#put(job, layout.userData + 4, how);
  }

  /** The rare packet memory that lies across a multiple of 4 GiB. @param source the descriptor's field that the job's source is */
  #writeUpperHalves(job: number, descriptor: number, source: number): void {
    const layout = this.#job;
    this.#writeUpperHalf(job, layout.src, descriptor, source);
    this.#writeUpperHalf(job, layout.dst, descriptor, JOB_PAYLOAD);
    this.#writeUpperHalf(job, layout.iv, descriptor, JOB_NONCE);
    this.#writeUpperHalf(job, layout.tag, descriptor, JOB_ICV);
  }

  #writeUpperHalf(job: number, at: number, descriptor: number, field: number): void {
    this.#put(job, at + 4, Math.floor((this.#base + (this.#u32[descriptor + (field >> 2)] as number)) / TWO_32));
  }

  /** @param job word index of the record @param at octets from its start */
  #put(job: number, at: number, value: number): void {
    this.#u32[job + (at >> 2)] = value;
  }

  #put64(job: number, at: number, value: number): void {
    this.#put(job, at, value);
    this.#put(job, at + 4, Math.floor(value / TWO_32));
  }
}
