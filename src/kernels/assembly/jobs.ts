// What both directions write for the engines (dataplane/engines/engine.ts): a job for each packet, and the nonce and AAD that it points to.
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE, NONCE_ROOM } from "../layout";
import { aads, jobs, nonces } from "./context";
import { store32 } from "./octets";

/** Inlined, for a call costs as much as what is written. A class, because decorators have no place on functions for the other compiler's tools. */
export class Jobs {
  @inline static write(slot: usize, payload: usize, length: i32, aad: usize, aadLength: u32, iv: usize, icv: usize): void {
    const at = jobs + slot * JOB_SIZE;
    store<u32>(at, <u32>payload, JOB_PAYLOAD);
    store<u32>(at, length, JOB_LENGTH);
    store<u32>(at, <u32>aad, JOB_AAD);
    store<u32>(at, aadLength, JOB_AAD_LENGTH);
    store<u32>(at, <u32>iv, JOB_NONCE);
    store<u32>(at, <u32>icv, JOB_ICV);
  }

  /** The nonce of an AEAD: salt, then the packet's IV (RFC 4106 §4, RFC 7634 §2). Both as they lie in memory. */
  @inline static nonce(slot: usize, salt: u32, iv: u64): usize {
    const at = nonces + slot * NONCE_ROOM;
    store<u32>(at, salt);
    store<u64>(at, iv, 4);
    return at;
  }

  /** The first counter block of AES-CTR: nonce, IV, and a block counter that starts at 1 (RFC 3686 §4). */
  @inline static counterBlock(slot: usize, salt: u32, iv: u64): usize {
    const at = Jobs.nonce(slot, salt, iv);
    store32(at + 12, 1);
    return at;
  }

  /** The AAD with extended sequence numbers: SPI, then 64 bits, whose high half is not in the packet (RFC 4106 §5). */
  @inline static longAad(slot: usize, packet: usize, seq: u64): usize {
    const at = aads + (slot << 4);
    store<u32>(at, load<u32>(packet));
    store32(at + 4, <u32>(seq >> 32));
    store<u32>(at, load<u32>(packet, 4), 8);
    return at;
  }
}
