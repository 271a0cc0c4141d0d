/** A packet memory with one engine in it, and packets described as the kernels describe them. */
import { createCipheriv } from "node:crypto";
import type { CipherGCMTypes } from "node:crypto";
import { createEngine, ENGINE_ARENA_SIZE, probeEngines } from "../../src/dataplane/engines/engines.ts";
import type { AeadEngine, EngineName } from "../../src/dataplane/engines/engine.ts";
import type { EspCipher } from "../../src/ipsec/sadb.ts";
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../src/kernels/layout.ts";

export const ENGINES: readonly EngineName[] = ["ipsec-mb", "openssl", "node"];
const REASONS = new Map(probeEngines().map((probe) => [probe.name, probe.available ? undefined : probe.reason]));

/** Options of a test that needs this engine: skipped, with the reason, where its library is not installed. */
export function needs(name: EngineName): { skip: string | false } {
  return { skip: REASONS.get(name) ?? false };
}

export const CIPHERS: readonly EspCipher[] = ["aes128gcm16", "aes256gcm16", "chacha20poly1305"];
export const keyLength = (cipher: EspCipher): number => (cipher === "aes128gcm16" ? 16 : 32);

export interface Packet {
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** Plaintext to seal, or ciphertext to open. */
  readonly payload: Uint8Array;
  /** Received ICV, to open. */
  readonly icv?: Uint8Array;
}

export interface Outcome {
  readonly payload: Uint8Array;
  /** Written by the engine. */
  readonly icv: Uint8Array;
}

const PAGE = 65536;
const SLOTS = 64 * 1024;

export class Bench {
  readonly engine: AeadEngine;
  readonly octets: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #room: number;
  #nextSlot: number;

  /** @param from first offset in memory that may be used: for a memory that lies across 4 GiB */
  constructor(name: EngineName, memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true }), from = 0) {
    const arena = Math.ceil(from / PAGE) * PAGE;
    this.engine = createEngine(name, memory, { offset: arena, size: ENGINE_ARENA_SIZE });
    this.octets = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#nextSlot = arena + ENGINE_ARENA_SIZE;
    this.#room = this.#nextSlot + SLOTS;
  }

  slotFor(cipher: EspCipher): number {
    const slot = this.#nextSlot;
    this.#nextSlot += this.engine.keySlotSize(cipher);
    return slot;
  }

  key(cipher: EspCipher, key: Uint8Array): number {
    return this.engine.expandKey(cipher, key, this.slotFor(cipher));
  }

  seal(handle: number, packets: readonly Packet[]): Outcome[] {
    return this.#run(packets, false, (batch) => this.engine.seal(handle, batch, packets.length));
  }

  /** Each outcome's ICV is what the engine says it has computed. */
  open(handle: number, packets: readonly Packet[]): Outcome[] {
    return this.#run(packets, true, (batch) => this.engine.open(handle, batch, packets.length));
  }

  #run(packets: readonly Packet[], opening: boolean, work: (batch: number) => void): Outcome[] {
    const batch = this.#room;
    let cursor = batch + packets.length * JOB_SIZE;
    const place = (octets: Uint8Array): number => {
      const at = cursor;
      this.octets.set(octets, at);
      cursor += octets.length;
      return at;
    };
    const places = packets.map(({ nonce, aad, payload, icv = new Uint8Array(16) }, i) => {
      const job = (batch + i * JOB_SIZE) >> 2;
      const put = (field: number, value: number): void => {
        this.#u32[job + (field >> 2)] = value;
      };
      // Every part at whatever octet comes next: engines may assume no alignment but the descriptors'.
      put(JOB_NONCE, place(nonce));
      put(JOB_AAD, place(aad));
      put(JOB_AAD_LENGTH, aad.length);
      const payloadAt = place(payload);
      put(JOB_PAYLOAD, payloadAt);
      put(JOB_LENGTH, payload.length);
      const received = place(icv);
      const icvAt = opening ? place(new Uint8Array(16)) : received;
      put(JOB_ICV, icvAt);
      return { payloadAt, length: payload.length, icvAt };
    });
    work(batch);
    return places.map(({ payloadAt, length, icvAt }) => ({
      payload: this.octets.slice(payloadAt, payloadAt + length),
      icv: this.octets.slice(icvAt, icvAt + 16),
    }));
  }
}

const NODE_NAMES = { aes128gcm16: "aes-128-gcm", aes256gcm16: "aes-256-gcm", chacha20poly1305: "chacha20-poly1305" };

/** The reference: node:crypto, used as its manual says. */
export function referenceSeal(cipher: EspCipher, key: Uint8Array, { nonce, aad, payload }: Packet): Outcome {
  const aead = createCipheriv(NODE_NAMES[cipher] as CipherGCMTypes, key, nonce, { authTagLength: 16 });
  aead.setAAD(aad);
  const sealed = Buffer.concat([aead.update(payload), aead.final()]);
  return { payload: Uint8Array.from(sealed), icv: Uint8Array.from(aead.getAuthTag()) };
}
