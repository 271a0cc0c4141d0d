/** A packet memory with one engine in it, and packets described as the kernels describe them. */
import { createCipheriv, createHmac } from "node:crypto";
import type { CipherGCMTypes } from "node:crypto";
import type { seededRandom } from "../support/packets.ts";
import { createEngine, ENGINE_ARENA_SIZE, probeEngines } from "../../src/dataplane/engines/engines.ts";
import type { CipherEngine, EngineName } from "../../src/dataplane/engines/engine.ts";
import { keyLengthOf } from "../../src/dataplane/engines/ciphers.ts";
import { ESP_CIPHERS, propertiesOf } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipher } from "../../src/ipsec/esp-cipher.ts";
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../src/kernels/layout.ts";

export const ENGINES: readonly EngineName[] = ["ipsec-mb", "openssl", "node"];
const REASONS = new Map(probeEngines().map((probe) => [probe.name, probe.available ? undefined : probe.reason]));

/** Options of a test that needs this engine: skipped, with the reason, where its library is not installed. */
export function needs(name: EngineName): { skip: string | false } {
  return { skip: REASONS.get(name) ?? false };
}

export const CIPHERS: readonly EspCipher[] = ESP_CIPHERS.map(({ name }) => name);
export const keyLength = keyLengthOf;
export const icvLength = (cipher: EspCipher): number => propertiesOf(cipher).icvLength;
export const hasSeparateMac = (cipher: EspCipher): boolean => propertiesOf(cipher).mac !== undefined;

/** A packet that the kernels could hand to this cipher, with about `length` octets to encrypt. */
export function randomPacket(cipher: EspCipher, random: ReturnType<typeof seededRandom>, length: number): Packet {
  if (!hasSeparateMac(cipher)) {
    return { nonce: random.octets(12), aad: random.octets(random.below(2) === 0 ? 8 : 12), payload: random.octets(length) };
  }
  const { alignment, ivLength } = propertiesOf(cipher);
  // The kernels pad: there is always something to encrypt.
  const padded = Math.ceil(Math.max(length, 1) / alignment) * alignment;
  return { nonce: random.octets(16), aad: random.octets(8 + ivLength), payload: random.octets(padded) };
}

export interface Packet {
  readonly nonce: Uint8Array;
  /** What is authenticated besides the payload; it stands right before the payload where the cipher has a separate MAC. */
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
  readonly engine: CipherEngine;
  readonly octets: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #room: number;
  readonly #ciphers = new Map<number, EspCipher>();
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

  key(cipher: EspCipher, key: Uint8Array, slot = this.slotFor(cipher)): number {
    const handle = this.engine.expandKey(cipher, key, slot);
    this.#ciphers.set(handle, cipher);
    return handle;
  }

  seal(handle: number, packets: readonly Packet[]): Outcome[] {
    return this.#run(handle, packets, false, (batch) => this.engine.seal(handle, batch, packets.length));
  }

  /** Each outcome's ICV is what the engine says it has computed. */
  open(handle: number, packets: readonly Packet[]): Outcome[] {
    return this.#run(handle, packets, true, (batch) => this.engine.open(handle, batch, packets.length));
  }

  #run(handle: number, packets: readonly Packet[], opening: boolean, work: (batch: number) => void): Outcome[] {
    const batch = this.#room;
    const cipher = this.#ciphers.get(handle) ?? "aes128gcm16";
    const tag = icvLength(cipher);
    let cursor = batch + packets.length * JOB_SIZE;
    const place = (octets: Uint8Array): number => {
      const at = cursor;
      this.octets.set(octets, at);
      cursor += octets.length;
      return at;
    };
    const places = packets.map(({ nonce, aad, payload, icv = new Uint8Array(tag) }, i) => {
      const job = (batch + i * JOB_SIZE) >> 2;
      const put = (field: number, value: number): void => {
        this.#u32[job + (field >> 2)] = value;
      };
      // Every part at whatever octet comes next: engines may assume no alignment but the descriptors'.
      put(JOB_NONCE, place(nonce));
      put(JOB_AAD, place(aad));
      put(JOB_AAD_LENGTH, hasSeparateMac(cipher) ? aad.length + payload.length : aad.length);
      const payloadAt = place(payload);
      put(JOB_PAYLOAD, payloadAt);
      put(JOB_LENGTH, payload.length);
      const received = place(icv);
      const icvAt = opening ? place(new Uint8Array(tag)) : received;
      put(JOB_ICV, icvAt);
      return { payloadAt, length: payload.length, icvAt };
    });
    work(batch);
    return places.map(({ payloadAt, length, icvAt }) => ({
      payload: this.octets.slice(payloadAt, payloadAt + length),
      icv: this.octets.slice(icvAt, icvAt + tag),
    }));
  }
}

/** The reference: node:crypto, used as its manual says. */
export function referenceSeal(cipher: EspCipher, key: Uint8Array, { nonce, aad, payload }: Packet): Outcome {
  const { mode, keyLength: octets, mac, icvLength: tag } = propertiesOf(cipher);
  if (mac !== undefined) {
    const encryption = createCipheriv(`aes-${octets * 8}-${mode}`, key.subarray(0, octets), nonce).setAutoPadding(false);
    const sealed = Uint8Array.from(Buffer.concat([encryption.update(payload), encryption.final()]));
    const icv = createHmac(mac, key.subarray(octets)).update(aad).update(sealed).digest().subarray(0, tag);
    return { payload: sealed, icv: Uint8Array.from(icv) };
  }
  const name = (mode === "gcm" ? `aes-${octets * 8}-gcm` : "chacha20-poly1305") as CipherGCMTypes;
  const aead = createCipheriv(name, key, nonce, { authTagLength: tag });
  aead.setAAD(aad);
  const sealed = Buffer.concat([aead.update(payload), aead.final()]);
  return { payload: Uint8Array.from(sealed), icv: Uint8Array.from(aead.getAuthTag()) };
}
