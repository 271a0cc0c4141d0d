/** Branded identifiers of the IPsec rooms: a bare number is never one of these by accident. */

/** An ESP SPI (RFC 4303 §2.1): 32 bits, chosen by the receiver, 1..255 reserved by IANA, 0 never on the wire. */
export type EspSpi = number & { readonly __brand: "EspSpi" };

/** A data-plane worker's index, 0-based. With one worker per CPU it names the CPU whose packets the worker handles. */
export type CpuIndex = number & { readonly __brand: "CpuIndex" };

/** Identifies one Child SA (an inbound and an outbound SA) within this process; never on the wire, never reused. */
export type ChildSaId = number & { readonly __brand: "ChildSaId" };

/** Identifies one SPD entry within this process; never reused. */
export type PolicyId = number & { readonly __brand: "PolicyId" };

export const espSpi = (value: number): EspSpi => (value >>> 0) as EspSpi;
export const cpuIndex = (value: number): CpuIndex => value as CpuIndex;
export const childSaId = (value: number): ChildSaId => value as ChildSaId;
export const policyId = (value: number): PolicyId => value as PolicyId;

/** "c1a0ffee": SPIs are shown as eight hexadecimal digits everywhere. */
export function formatEspSpi(spi: EspSpi): string {
  return spi.toString(16).padStart(8, "0");
}
