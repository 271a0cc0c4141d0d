/**
 * The ciphers by Intel's Multi-Buffer Crypto for IPsec, a burst per foreign call. The library's manager lives in packet memory, so its job
 * records are written with plain stores (ipsec-mb-jobs.ts).
 */
import { JOB_SIZE } from "../../kernels/layout.ts";
import { propertiesOf } from "../../ipsec/esp-cipher.ts";
import type { EspCipher } from "../../ipsec/esp-cipher.ts";
import { addressOf } from "../../host/linux/libc.ts";
import { checkKey, cipherOf, handleOf, isAead, slotOf } from "./ciphers.ts";
import type { CipherEngine, EngineArena } from "./engine.ts";
import { JobWriter, OPENS, SEALS } from "./ipsec-mb-jobs.ts";
import { expandInto, slotSizeOf } from "./ipsec-mb-keys.ts";
import type { IpsecMbManager } from "./ipsec-mb-library.ts";
import { openIpsecMb } from "./ipsec-mb-library.ts";

export class IpsecMbEngine implements CipherEngine {
  readonly name = "ipsec-mb";
  readonly version: string;
  readonly #manager: IpsecMbManager;
  readonly #writer: JobWriter;
  readonly #base: number;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  /** Offset of the list of job addresses that a burst call takes. */
  readonly #jobs: number;

  /** @throws EngineUnavailable */
  constructor(memory: WebAssembly.Memory, arena: EngineArena) {
    this.#base = addressOf(memory.buffer);
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#manager = openIpsecMb(memory, this.#base, arena);
    this.version = this.#manager.version;
    this.#jobs = Math.ceil(this.#manager.end / 64) * 64;
    this.#writer = new JobWriter(memory, this.#base, this.#manager.layout, this.#jobs);
  }

  keySlotSize(cipher: EspCipher): number {
    return slotSizeOf(propertiesOf(cipher), this.#manager.layout.gcmKeyData);
  }

  expandKey(cipher: EspCipher, key: Uint8Array, slot: number): number {
    checkKey(cipher, key);
    const handle = handleOf(cipher, slot);
    // The list of jobs is free between two bursts.
    expandInto(slot, propertiesOf(cipher), key, this.#manager, this.#u8, this.#base, this.#jobs);
    return handle;
  }

  forgetKey(handle: number): void {
    const slot = slotOf(handle);
    this.#u8.fill(0, slot, slot + this.keySlotSize(cipherOf(handle).name));
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
    // Every job of the burst before is finished, so all of the ring is always free.
    if (this.#manager.getNextBurst(n, jobs) !== n) throw this.#fault("gives out too few jobs");
    if (isAead(handle)) {
      this.#writer.writeAead(handle, direction, batch, n);
      // AEADs are done when they are submitted.
      if (this.#manager.submitBurst(n, jobs) !== n) throw this.#fault("did not finish a burst");
      return;
    }
    this.#writer.writeEncryptThenMac(handle, direction, batch, n);
    // CBC and HMAC are chains: the library works on several packets at once, and keeps the last ones back for more to come.
    let done = this.#manager.submitBurst(n, jobs);
    while (done < n) {
      const finished = this.#manager.flushBurst(n - done, jobs);
      if (finished === 0) throw this.#fault("did not finish a burst");
      done += finished;
    }
  }

  #fault(what: string): Error {
    const error = this.#u32[(this.#manager.offset + this.#manager.layout.manager.error) >> 2];
    return new Error(`libipsec-mb ${what} (error ${String(error)})`);
  }
}
