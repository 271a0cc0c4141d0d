/**
 * The one table of reasons why a packet was not carried on: code, name, text. Names are those that an operator knows from Linux'
 * /proc/net/xfrm_stat, and from VPP where Linux has none. The kernels count by code (src/kernels/drop-codes.ts, held to this by a test).
 */

interface DropReasonEntry {
  /** Index into the counter array in packet memory; never reused. */
  readonly code: number;
  readonly name: string;
  readonly direction: "in" | "out" | "both";
  /** What it means, for `hawser status`. */
  readonly text: string;
}

const TABLE = [
  { code: 0, name: "InHdrError", direction: "in", text: "ESP packet too short or misaligned, or what came out of it is not an IP packet" },
  { code: 1, name: "InNoStates", direction: "in", text: "no SA with this SPI" },
  { code: 2, name: "InStateProtoError", direction: "in", text: "ICV wrong: corrupted, forged, or keys that differ" },
  { code: 3, name: "InStateSeqError", direction: "in", text: "replayed, or too late for the anti-replay window" },
  { code: 4, name: "InStateMismatch", direction: "in", text: "inner packet outside the SA's traffic selectors" },
  { code: 5, name: "InStateExpired", direction: "in", text: "SA at its hard lifetime" },
  { code: 6, name: "InEcnIllegal", direction: "in", text: "congestion marked on a packet that is not ECN-capable (RFC 6040)" },
  {
    code: 7,
    name: "InDummy",
    direction: "in",
    text: "dummy packet of the peer's traffic-flow confidentiality (RFC 4303 §2.6); not an error",
  },
  { code: 8, name: "TunWriteError", direction: "in", text: "the TUN device did not take the packet" },
  { code: 16, name: "OutHdrError", direction: "out", text: "packet from the TUN device is not a well-formed IP packet" },
  { code: 17, name: "OutNoPols", direction: "out", text: "no policy for this packet" },
  { code: 18, name: "OutFragmentNoPorts", direction: "out", text: "later fragment where policies ask for ports" },
  { code: 19, name: "OutStateExpired", direction: "out", text: "SA at its hard lifetime" },
  { code: 20, name: "OutStateSeqError", direction: "out", text: "SA out of sequence numbers" },
  { code: 21, name: "OutNoStates", direction: "out", text: "no SA yet, and on_missing_sa is drop" },
  { code: 22, name: "OutMtuExceeded", direction: "out", text: "ESP packet larger than the path to the peer takes" },
  { code: 23, name: "OutQueueFull", direction: "out", text: "the UDP socket's send buffer is full" },
  { code: 24, name: "OutSendError", direction: "out", text: "the kernel refused to send: no route, a firewall, or the link is down" },
  { code: 25, name: "HoldOverflow", direction: "out", text: "too many packets waited for an SA" },
  { code: 26, name: "HoldTimeout", direction: "out", text: "packet waited for an SA for too long" },
  {
    code: 27,
    name: "OutNotTransportable",
    direction: "out",
    text: "fragment, or IPv6 extension header that must stand before ESP, on an SA in transport mode (RFC 4303 §3.1.1)",
  },
  { code: 32, name: "RingFull", direction: "both", text: "the worker that has the SA does not keep up" },
  { code: 33, name: "HandoffLoop", direction: "both", text: "packet handed from worker to worker more than twice" },
] as const satisfies readonly DropReasonEntry[];

export type DropReason = (typeof TABLE)[number]["name"];

export const DROP_REASONS: readonly (DropReasonEntry & { readonly name: DropReason })[] = TABLE;

const CODES = new Map<DropReason, number>(TABLE.map(({ name, code }) => [name, code]));
const ENTRIES = new Map<number, (typeof TABLE)[number]>(TABLE.map((entry) => [entry.code, entry]));
const TEXTS = new Map<DropReason, string>(TABLE.map(({ name, text }) => [name, text]));

export function dropReasonCode(name: DropReason): number {
  return CODES.get(name) ?? 0;
}

/** Undefined for a code that is in no entry. */
export function dropReasonName(code: number): DropReason | undefined {
  return ENTRIES.get(code)?.name;
}

export function dropReasonText(name: DropReason): string {
  return TEXTS.get(name) ?? "";
}
