/** Traffic selectors as sets of packets: intersection, narrowing (RFC 7296 §2.9), matching (RFC 4301 §4.4.1.1). */
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import { hasAnyPorts, hasOpaquePorts } from "../wire/traffic-selector.ts";

/** True when every packet that `inner` covers is covered by `outer`. */
export function contains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    outer.family === inner.family &&
    (outer.protocol === 0 || outer.protocol === inner.protocol) &&
    portsContain(outer, inner) &&
    outer.start <= inner.start &&
    inner.end <= outer.end
  );
}

/** All ports include OPAQUE ("the port cannot be seen", RFC 7296 §3.13.1); no other range does. */
function portsContain(outer: TrafficSelector, inner: TrafficSelector): boolean {
  if (hasAnyPorts(outer)) return true;
  if (hasOpaquePorts(outer) || hasOpaquePorts(inner)) return hasOpaquePorts(outer) && hasOpaquePorts(inner);
  return outer.startPort <= inner.startPort && inner.endPort <= outer.endPort;
}

/** What both cover, undefined for nothing. */
export function intersect(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  if (a.family !== b.family) return undefined;
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const start = a.start > b.start ? a.start : b.start;
  const end = a.end < b.end ? a.end : b.end;
  const ports = intersectPorts(a, b);
  if (start > end || ports === undefined) return undefined;
  return { family: a.family, protocol: a.protocol === 0 ? b.protocol : a.protocol, ...ports, start, end };
}

function intersectPorts(a: TrafficSelector, b: TrafficSelector): Pick<TrafficSelector, "startPort" | "endPort"> | undefined {
  if (hasAnyPorts(a)) return { startPort: b.startPort, endPort: b.endPort };
  if (hasAnyPorts(b)) return { startPort: a.startPort, endPort: a.endPort };
  if (hasOpaquePorts(a) || hasOpaquePorts(b)) {
    return hasOpaquePorts(a) && hasOpaquePorts(b) ? { startPort: a.startPort, endPort: a.endPort } : undefined;
  }
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  return startPort <= endPort ? { startPort, endPort } : undefined;
}

/**
 * The responder's answer (RFC 7296 §2.9): what of `proposed` our policy allows, without selectors that others in the answer contain. Empty: nothing
 * in common (TS_UNACCEPTABLE). The initiator's first selector is that of the packet that asked, so what is left of it comes first: the answer
 * then covers that packet even where the peer keeps only the first.
 */
export function narrow(configured: readonly TrafficSelector[], proposed: readonly TrafficSelector[]): TrafficSelector[] {
  const answer: TrafficSelector[] = [];
  for (const theirs of proposed) {
    for (const ours of configured) {
      const common = intersect(ours, theirs);
      if (common === undefined || answer.some((kept) => contains(kept, common))) continue;
      const widened = answer.findIndex((kept) => contains(common, kept));
      // A wider one takes the place of the first that it makes superfluous, so that the favoured packet stays covered first.
      if (widened >= 0) {
        answer[widened] = common;
        for (let i = answer.length - 1; i > widened; i--) {
          const later = answer[i];
          if (later !== undefined && contains(common, later)) answer.splice(i, 1);
        }
      } else {
        answer.push(common);
      }
    }
  }
  return answer;
}

/** A packet's address and port on one side. */
export interface SelectorKey {
  readonly family: 4 | 6;
  readonly address: bigint;
  readonly protocol: number;
  /** Undefined where there is none to see: later fragments, protocols without ports. */
  readonly port: number | undefined;
}

/** RFC 4301 §4.4.1.1: does one of the selectors cover this side of a packet? */
export function matches(selectors: readonly TrafficSelector[], { family, address, protocol, port }: SelectorKey): boolean {
  return selectors.some(
    (ts) =>
      ts.family === family &&
      (ts.protocol === 0 || ts.protocol === protocol) &&
      (hasAnyPorts(ts) || (port === undefined ? hasOpaquePorts(ts) : ts.startPort <= port && port <= ts.endPort)) &&
      ts.start <= address &&
      address <= ts.end,
  );
}

function canonical(selectors: readonly TrafficSelector[]): string {
  return selectors
    .map(
      ({ family, protocol, startPort, endPort, start, end }) =>
        `${family}/${protocol}/${startPort}-${endPort}/${start.toString(16)}-${end.toString(16)}`,
    )
    .sort()
    .join(",");
}

/** One text for one pair of selector sets, whatever their order: two Child SAs with the same key belong to one group (RFC 9611 §3). */
export function selectorSetKey(localTs: readonly TrafficSelector[], remoteTs: readonly TrafficSelector[]): string {
  return `${canonical(localTs)}=${canonical(remoteTs)}`;
}

export function equalSelectorSets(a: readonly TrafficSelector[], b: readonly TrafficSelector[]): boolean {
  return canonical(a) === canonical(b);
}
