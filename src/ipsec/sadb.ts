/**
 * The seam between key management and a data plane, in the verbs of RFC 2367 (PF_KEY): GETSPI is pure (spi-steering.ts), ADD, UPDATE and
 * DELETE flow down as {@link SadbMessage}s, ACQUIRE, EXPIRE and refusals flow up as {@link SadbEvent}s. Messages are plain data: they cross threads.
 *
 * Order matters and is the sender's duty: the inbound SA is added before the outbound one is used; a policy before the entries that name it.
 */
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { EspCipher } from "./esp-cipher.ts";
import type { ChildSaId, CpuIndex, EspSpi, PolicyId } from "./names.ts";

/** A UDP or IP end point; `address` in the textual form of RFC 5952 for IPv6 and dotted decimal for IPv4. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** What ESP goes in: UDP on the NAT traversal port (RFC 3948), or IP itself, as protocol 50 (RFC 4303 §3.1). Received is either, at any time. */
export type Encapsulation = "udp" | "none";

/**
 * What ESP protects (RFC 4303 §3.1): a whole IP packet, or what is behind the header of one that goes from end to end. In transport mode the
 * selectors are the addresses of the two ends, one of each, for the receiver makes the header anew from them.
 */
export type SaMode = "tunnel" | "transport";

/** Limits on use; an SA that passes `soft` raises EXPIRE soft once, one that reaches `hard` stops and raises EXPIRE hard. Infinity = no limit. */
export interface UsageLimits {
  readonly softPackets: number;
  readonly hardPackets: number;
  readonly softBytes: number;
  readonly hardBytes: number;
}

/** What an unowned CPU does with a packet while it has no own SA (DESIGN: `on_missing_sa`). */
export type OnMissingSa = "resteer" | "shared" | "hold" | "drop";

interface SaCommon {
  readonly id: ChildSaId;
  readonly policyId: PolicyId;
  readonly spi: EspSpi;
  readonly cipher: EspCipher;
  /** KEYMAT of one direction: cipher key, salt, integrity key (RFC 7296 §2.17), as long as `keymatLength` says. Wiped by the data plane after expansion. */
  readonly keymat: Uint8Array;
  readonly esn: boolean;
  readonly limits: UsageLimits;
  /** The ends as IKE knows them. The ports are those of ESP too where it goes in UDP. */
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly encapsulation: Encapsulation;
  readonly mode: SaMode;
}

export interface InboundSaSpec extends SaCommon {
  /** The worker that opens packets of this SPI. The SPI was chosen so that steering delivers them there. */
  readonly cpu: CpuIndex;
  /** Packets; 0 turns the anti-replay check off (RFC 4303 §3.4.3), else rounded up to a multiple of 64. */
  readonly replayWindow: number;
  /** What may come out of this SA (RFC 4301 §5.2 step 4): source within `remoteTs`, destination within `localTs`. */
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
  /** RFC 6040: combine outer and inner ECN on exit. Of tunnels: in transport mode there is one header, and its DSCP and ECN stay. */
  readonly copyEcn: boolean;
}

export interface OutboundSaSpec extends SaCommon {
  /** The worker that seals on this SA; with `shared`, the worker that is preferred, while all may. */
  readonly cpu: CpuIndex;
  /** True: any worker may seal, sequence numbers are reserved atomically. Fixed for the SA's life. */
  readonly shared: boolean;
  readonly copyDscp: boolean;
  readonly copyEcn: boolean;
}

/** An SPD entry. Only PROTECT entries exist on the TUN device; what matches none is discarded and counted (RFC 4301 §4.4.1). */
export interface PolicySpec {
  readonly id: PolicyId;
  /** `connection/child`, for status and logs. */
  readonly name: string;
  readonly localTs: readonly TrafficSelector[];
  readonly remoteTs: readonly TrafficSelector[];
  /** Lower is looked at first; a group's negotiated selectors go before the trap that started it. */
  readonly priority: number;
  readonly onMissingSa: OnMissingSa;
}

/**
 * The one outbound entry that a CPU has for a policy. `ask`: a packet that meets this entry raises one ACQUIRE (then no more until the entry
 * is set again). Entries live in the CPU's own SAD; the worker applies them between two bursts, nobody writes into another worker's SAD.
 */
export type OutboundEntry =
  | { readonly kind: "none"; readonly ask: boolean }
  | { readonly kind: "own"; readonly sa: ChildSaId }
  | { readonly kind: "stub"; readonly owner: CpuIndex; readonly sa: ChildSaId; readonly ask: boolean }
  | { readonly kind: "shared"; readonly sa: ChildSaId; readonly ask: boolean };

export type SadbMessage =
  | { readonly verb: "addPolicy"; readonly policy: PolicySpec }
  | { readonly verb: "removePolicy"; readonly policyId: PolicyId }
  | { readonly verb: "addInbound"; readonly sa: InboundSaSpec }
  | { readonly verb: "addOutbound"; readonly sa: OutboundSaSpec }
  | { readonly verb: "removeInbound"; readonly id: ChildSaId; readonly spi: EspSpi; readonly cpu: CpuIndex }
  | { readonly verb: "removeOutbound"; readonly id: ChildSaId; readonly cpu: CpuIndex }
  | { readonly verb: "setEntry"; readonly policyId: PolicyId; readonly cpu: CpuIndex; readonly entry: OutboundEntry }
  /** The peer's (or our) transport address changed, or a NAT has come between or gone: rebinding seen in an authenticated packet, or MOBIKE. */
  | {
      readonly verb: "updateAddresses";
      readonly id: ChildSaId;
      readonly cpu: CpuIndex;
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
      readonly encapsulation: Encapsulation;
    };

/** The flow that raised an ACQUIRE: becomes the first, most specific traffic selector of the request (RFC 7296 §2.9). */
export interface FlowKey {
  readonly protocol: number;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export type SadbEvent =
  | { readonly verb: "acquire"; readonly policyId: PolicyId; readonly cpu: CpuIndex; readonly flow: FlowKey }
  | {
      readonly verb: "expire";
      readonly id: ChildSaId;
      readonly hard: boolean;
      readonly direction: "in" | "out";
      readonly why: "packets" | "bytes";
    }
  /**
   * A message about the SA could not be carried out on that CPU: there is no room for it, or no way to where it should send. It is not there, or
   * sends to where it did before: it is to be closed.
   */
  | { readonly verb: "saRefused"; readonly id: ChildSaId; readonly cpu: CpuIndex; readonly why: string }
  /** There is no room for the policy on that CPU: packets that it is for do not find it there. */
  | { readonly verb: "policyRefused"; readonly policyId: PolicyId; readonly cpu: CpuIndex; readonly why: string }
  /** An authenticated ESP packet in UDP came from another address than `remote` (RFC 7296 §2.23, dynamic address update). */
  | { readonly verb: "addressChanged"; readonly id: ChildSaId; readonly remote: SocketAddress }
  /**
   * ESP came on an SPI that no SA here has: one packet of perhaps very many, a few times a second at most. Nothing about it is proved. The port is 0
   * where it came without UDP.
   */
  | { readonly verb: "unknownSpi"; readonly spi: EspSpi; readonly local: SocketAddress; readonly remote: SocketAddress };

/** What one Child SA has carried, read at any time without asking the workers. */
export interface SaUsage {
  readonly id: ChildSaId;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}
