import { randomFillSync } from "node:crypto";

/** Writes 8 random octets: the half of the block under an IV of AES-CBC that nobody but its sender knows (kernels/assembly/frame.ts). */
export function writeIvSecret(packetMemory: Uint8Array, at: number): void {
  randomFillSync(packetMemory, at, 8);
}
