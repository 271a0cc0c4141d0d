/** The order of SPD entries: groups before traps, and among each the more specific first. */
import { addressBits } from "../wire/address.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";

/** Above any specificity: two sides of at most 128 bits of address, and a bit each for protocol and ports. */
const TRAP_OFFSET = 1000;

/** For a group's negotiated selectors. Lower is looked at first. */
export function groupPriority(localTs: readonly TrafficSelector[], remoteTs: readonly TrafficSelector[]): number {
  return breadth(localTs) + breadth(remoteTs);
}

export function trapPriority(localTs: readonly TrafficSelector[], remoteTs: readonly TrafficSelector[]): number {
  return TRAP_OFFSET + groupPriority(localTs, remoteTs);
}

/** Of the widest selector: host bits left open, and one each for any protocol and any port. */
function breadth(selectors: readonly TrafficSelector[]): number {
  return Math.max(
    0,
    ...selectors.map(({ family, start, end, protocol, startPort, endPort }) => {
      // Families are never compared with one another by a packet, but a narrower prefix of either is the narrower one.
      const openBits = (end - start).toString(2).length * (end === start ? 0 : 1);
      return Math.min(openBits, addressBits(family)) + (protocol === 0 ? 1 : 0) + (startPort === endPort ? 0 : 1);
    }),
  );
}
