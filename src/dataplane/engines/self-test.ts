/**
 * A known answer for each cipher, computed by every engine before it is trusted with a packet: a library that is built differently, or offsets
 * that do not fit it, must show here and not on the wire.
 */
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspCipher } from "../../ipsec/sadb.ts";
import { ESP_CIPHERS, keyLengthOf } from "./ciphers.ts";
import type { AeadEngine, EngineArena } from "./engine.ts";
import { EngineUnavailable, ICV_LENGTH, NONCE_LENGTH } from "./engine.ts";

const PLAINTEXT_LENGTH = 100;
const AAD_LENGTH = 12;

/** Key, nonce, AAD and plaintext are 00 01 02 …; these are the ICVs, as `test/engines/self-test.test.ts` has node:crypto compute them. */
export const KNOWN_ICVS: Readonly<Record<EspCipher, string>> = {
  aes128gcm16: "f8afb90005a18d9b2102e90d4424c37f",
  aes256gcm16: "83b0a1ec1326f889f75a65724613b250",
  chacha20poly1305: "4b704491646c0fb7f6e4e7ae254530ae",
};

/** @throws EngineUnavailable when the engine computes something else, in either direction. Works at the end of `arena`. */
export function selfTest(engine: AeadEngine, memory: WebAssembly.Memory, arena: EngineArena): void {
  for (const cipher of ESP_CIPHERS) {
    if (!knowsAnswer(engine, cipher, memory, arena)) {
      throw new EngineUnavailable(
        engine.name,
        `${engine.name} ${engine.version} computes a wrong ${cipher}: it is broken or not the library it says`,
      );
    }
  }
}

function knowsAnswer(engine: AeadEngine, cipher: EspCipher, memory: WebAssembly.Memory, arena: EngineArena): boolean {
  const u8 = new Uint8Array(memory.buffer);
  const u32 = new Uint32Array(memory.buffer);
  const slot = Math.floor((arena.offset + arena.size - engine.keySlotSize(cipher) - 1024) / 64) * 64;
  const job = slot + engine.keySlotSize(cipher);
  const nonce = job + JOB_SIZE;
  const aad = nonce + 16;
  const payload = aad + 16;
  const received = payload + PLAINTEXT_LENGTH;
  const computed = job + 512;
  const put = (at: number, value: number): void => {
    u32[(job + at) >> 2] = value;
  };
  put(JOB_PAYLOAD, payload);
  put(JOB_LENGTH, PLAINTEXT_LENGTH);
  put(JOB_AAD, aad);
  put(JOB_AAD_LENGTH, AAD_LENGTH);
  put(JOB_NONCE, nonce);
  put(JOB_ICV, received);
  u8.set(counting(NONCE_LENGTH), nonce);
  u8.set(counting(AAD_LENGTH), aad);
  u8.set(counting(PLAINTEXT_LENGTH), payload);

  const handle = engine.expandKey(cipher, counting(keyLengthOf(cipher)), slot);
  engine.seal(handle, job, 1);
  const sealed = hex(u8.subarray(received, received + ICV_LENGTH)) === KNOWN_ICVS[cipher];
  put(JOB_ICV, computed);
  engine.open(handle, job, 1);
  const opened =
    hex(u8.subarray(computed, computed + ICV_LENGTH)) === KNOWN_ICVS[cipher] &&
    hex(u8.subarray(payload, received)) === hex(counting(PLAINTEXT_LENGTH));
  engine.forgetKey(handle);
  u8.fill(0, slot, computed + ICV_LENGTH);
  return sealed && opened;
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}
