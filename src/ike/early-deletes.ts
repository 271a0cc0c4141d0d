/**
 * Deletes that come before what they delete. The peer answers our CREATE_CHILD_SA and soon closes the Child SA; when its Delete overtakes the
 * answer, it names an SPI that we have never seen. To pass over it would leave us with half a Child SA for good.
 */
import type { EspSpi } from "../ipsec/names.ts";
import { ExchangeType } from "../wire/iana/index.ts";
import type { IkeSa } from "./ike-sa.ts";

/** Whether answers to CREATE_CHILD_SA or IKE_FOLLOWUP_KE are awaited: whatever they make, the peer may have it before us. */
export function isCreating({ exchanger }: IkeSa): boolean {
  const isMaking = (type: number): boolean => type === ExchangeType.CREATE_CHILD_SA || type === ExchangeType.IKE_FOLLOWUP_KE;
  return exchanger.outstanding.some(({ exchangeType, concerns }) => isMaking(exchangeType) && concerns === "child");
}

/** A Delete for an SPI that no Child SA has. There can be no more of them in earnest than requests outstanding. */
export function noteEarlyDelete(ikeSa: IkeSa, spi: EspSpi): void {
  if (isCreating(ikeSa) && ikeSa.earlyDeletes.size < ikeSa.exchanger.outstanding.length) ikeSa.earlyDeletes.add(spi);
}

/** Whether the Child SA of an answer that has just come is gone already at the peer. */
export function wasDeletedEarly(ikeSa: IkeSa, spi: EspSpi): boolean {
  const wasDeleted = ikeSa.earlyDeletes.delete(spi);
  if (!isCreating(ikeSa)) ikeSa.earlyDeletes.clear();
  return wasDeleted;
}
