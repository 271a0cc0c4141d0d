/**
 * For AEADs of a library that verifies an ICV but does not give the one it computed: writes to `icv` the `length` octets that the caller will
 * compare with the received ones: a copy where they were right, and their complement, which differs in every bit, where they were wrong.
 */
export function writeVerdict(packetMemory: Uint8Array, received: number, icv: number, length: number, right: boolean): void {
  const flip = right ? 0 : 0xff;
  for (let i = 0; i < length; i++) packetMemory[icv + i] = (packetMemory[received + i] ?? 0) ^ flip;
}
