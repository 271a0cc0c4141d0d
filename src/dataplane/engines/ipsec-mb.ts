/**
 * AEAD by Intel's Multi-Buffer Crypto for IPsec, a burst per foreign call.
 *
 * The library's manager lives in packet memory, so its job records are written with plain stores. Jobs come from a ring of 256 records in the
 * manager, over and over: what is the same for every packet of an SA is written only when a record last served another key, which the stamp in
 * its user-data field tells.
 */
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspCipher } from "../../ipsec/sadb.ts";
import { addressOf } from "../../host/linux/libc.ts";
import { checkKey, cipherOf, handleOf, keyLengthOf, slotOf } from "./ciphers.ts";
import type { AeadEngine, EngineArena } from "./engine.ts";
import { ICV_LENGTH, NONCE_LENGTH } from "./engine.ts";
import type { JobLayout } from "./ipsec-mb-layout.ts";
import type { IpsecMbManager } from "./ipsec-mb-library.ts";
import { openIpsecMb } from "./ipsec-mb-library.ts";

const TWO_32 = 0x1_0000_0000;

/** Bits of a stamp below the slot's address and beside the cipher. Never both 0: a stamp of 0 is a record that was never used. */
const SEALS = 0x4;
const OPENS = 0x8;
const LONG_AAD = 0x10;
const AAD_ESN = 12;

export class IpsecMbEngine implements AeadEngine {
  readonly name = "ipsec-mb";
  readonly version: string;
  readonly #manager: IpsecMbManager;
  readonly #job: JobLayout;
  readonly #base: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  /** Packet memory lies across a multiple of 4 GiB: the upper halves of its addresses are not all the same. */
  readonly #crosses: boolean;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  /** Offset of the list of job addresses that a burst call takes. */
  readonly #jobs: number;

  /** @throws EngineUnavailable */
  constructor(memory: WebAssembly.Memory, arena: EngineArena) {
    const { buffer } = memory;
    this.#base = addressOf(buffer);
    this.#baseLow = this.#base % TWO_32;
    this.#baseHigh = Math.floor(this.#base / TWO_32);
    this.#crosses = this.#baseLow + buffer.byteLength > TWO_32;
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#manager = openIpsecMb(memory, this.#base, arena);
    this.#job = this.#manager.layout.job;
    this.version = this.#manager.version;
    this.#jobs = Math.ceil(this.#manager.end / 64) * 64;
  }

  keySlotSize(cipher: EspCipher): number {
    return cipher === "chacha20poly1305" ? 64 : this.#manager.layout.gcmKeyData;
  }

  expandKey(cipher: EspCipher, key: Uint8Array, slot: number): number {
    checkKey(cipher, key);
    const handle = handleOf(cipher, slot);
    if (cipher === "chacha20poly1305") {
      this.#u8.set(key, slot);
      return handle;
    }
    const scratch = this.#jobs;
    this.#u8.set(key, scratch);
    const expand = cipher === "aes128gcm16" ? this.#manager.expandGcm128 : this.#manager.expandGcm256;
    expand(this.#base + scratch, this.#base + slot);
    this.#u8.fill(0, scratch, scratch + key.length);
    return handle;
  }

  forgetKey(handle: number): void {
    const slot = slotOf(handle);
    this.#u8.fill(0, slot, slot + this.keySlotSize(cipherOf(handle)));
  }

  seal(handle: number, batch: number, n: number): void {
    this.#run(handle, SEALS, batch, n);
  }

  open(handle: number, batch: number, n: number): void {
    this.#run(handle, OPENS, batch, n);
  }

  #run(handle: number, direction: number, batch: number, n: number): void {
    const { layout } = this.#manager;
    for (let done = 0; done < n; done += layout.maxBurst) {
      this.#burst(handle, direction, batch + done * JOB_SIZE, Math.min(n - done, layout.maxBurst));
    }
  }

  #burst(handle: number, direction: number, batch: number, n: number): void {
    const jobs = this.#base + this.#jobs;
    // Every job is finished when it is submitted, so all of the ring is always free.
    if (this.#manager.getNextBurst(n, jobs) !== n) throw this.#fault("gives out too few jobs");
    this.#writeJobs(handle | direction, batch, n);
    if (this.#manager.submitBurst(n, jobs) !== n) throw this.#fault("did not finish a burst");
  }

  /** Descriptors to job records. All word indexes: everything is 4-aligned. */
  #writeJobs(stamp: number, batch: number, n: number): void {
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
    const userData = layout.userData >> 2;
    let descriptor = batch >> 2;
    let pointer = this.#jobs >> 2;
    for (let i = 0; i < n; i++) {
      const job = (((u32[pointer] as number) - low) >>> 0) >> 2;
      const aadBit = u32[descriptor + (JOB_AAD_LENGTH >> 2)] === AAD_ESN ? LONG_AAD : 0;
      const wanted = (stamp | aadBit) >>> 0;
      if (u32[job + userData] !== wanted) this.#writeConstants(job, wanted);
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
      if (this.#crosses) this.#writeUpperHalves(job, descriptor);
      descriptor += JOB_SIZE >> 2;
      pointer += 2;
    }
  }

  /** What stays the same for every packet of one key, direction and length of AAD. */
  #writeConstants(job: number, stamp: number): void {
    const u32 = this.#u32;
    const layout = this.#job;
    const { values } = this.#manager.layout;
    const cipher = cipherOf(stamp);
    const isGcm = cipher !== "chacha20poly1305";
    const put = (at: number, value: number): void => {
      u32[job + (at >> 2)] = value;
    };
    const put64 = (at: number, value: number): void => {
      put(at, value);
      put(at + 4, Math.floor(value / TWO_32));
    };
    const key = this.#base + slotOf(stamp);
    put64(layout.encKeys, key);
    put64(layout.decKeys, key);
    put64(layout.keyLength, keyLengthOf(cipher));
    put64(layout.cipherStart, 0);
    put64(layout.hashStart, 0);
    put64(layout.ivLength, NONCE_LENGTH);
    put64(layout.tagLength, ICV_LENGTH);
    put64(layout.aadLength, (stamp & LONG_AAD) !== 0 ? AAD_ESN : 8);
    put(layout.cipherMode, isGcm ? values.cipherGcm : values.cipherChaCha20Poly1305);
    put(layout.hashAlgorithm, isGcm ? values.hashGmac : values.hashChaCha20Poly1305);
    put(layout.cipherDirection, (stamp & SEALS) !== 0 ? values.encrypt : values.decrypt);
    // An AEAD is one step for the library, taken where the cipher's turn is: first.
    put(layout.chainOrder, values.cipherThenHash);
    put(layout.cipherLength + 4, 0);
    put(layout.hashLength + 4, 0);
    for (const at of [layout.src, layout.dst, layout.iv, layout.tag, layout.aad]) put(at + 4, this.#baseHigh);
    put64(layout.userData, stamp);
  }

  /** The rare packet memory that lies across a multiple of 4 GiB. */
  #writeUpperHalves(job: number, descriptor: number): void {
    const u32 = this.#u32;
    const layout = this.#job;
    const put = (at: number, field: number): void => {
      u32[job + (at >> 2) + 1] = Math.floor((this.#base + (u32[descriptor + (field >> 2)] as number)) / TWO_32);
    };
    put(layout.src, JOB_PAYLOAD);
    put(layout.dst, JOB_PAYLOAD);
    put(layout.iv, JOB_NONCE);
    put(layout.tag, JOB_ICV);
    put(layout.aad, JOB_AAD);
  }

  #fault(what: string): Error {
    const error = this.#u32[(this.#manager.offset + this.#manager.layout.manager.error) >> 2];
    return new Error(`libipsec-mb ${what} (error ${String(error)})`);
  }
}
