import { ICV_LENGTH } from "./engine.ts";

/**
 * For engines whose library verifies an ICV but does not give the one it computed: writes to `icv` what the caller will compare with the received
 * one. That is a copy when it was right, and its complement, which differs in every bit, when it was wrong.
 */
export function writeVerdict(packetMemory: Uint8Array, received: number, icv: number, right: boolean): void {
  const flip = right ? 0 : 0xff;
  for (let i = 0; i < ICV_LENGTH; i++) packetMemory[icv + i] = (packetMemory[received + i] ?? 0) ^ flip;
}
