/** What the endpoint tells its owner: packets to send, messages for the data plane, events for the log, and when to come back. */
import type { EspCipher } from "../ipsec/esp-cipher.ts";
import type { ChildSaId, CpuIndex, EspSpi } from "../ipsec/names.ts";
import type { Encapsulation, SadbMessage, SaMode, SocketAddress } from "../ipsec/sadb.ts";
import type { IkeSaId } from "./command.ts";

export type Output =
  /** An IKE message. `marker`: four zero octets go before it (RFC 3948 §2.2), as the ports are those of NAT traversal. */
  | {
      readonly kind: "transmit";
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
      readonly octets: Uint8Array;
      readonly marker: boolean;
    }
  /** One 0xff octet, without marker (RFC 3948 §2.3). */
  | { readonly kind: "keepalive"; readonly local: SocketAddress; readonly remote: SocketAddress }
  | { readonly kind: "sadb"; readonly message: SadbMessage }
  | { readonly kind: "event"; readonly event: IkeEvent }
  /** Always the last output of a drain when anything is pending: call `handleTimeout` at `at` (milliseconds), not before. */
  | { readonly kind: "timeout"; readonly at: number; readonly reason: TimeoutReason };

export type TimeoutReason =
  | "start"
  | "retransmit"
  | "half-open"
  | "dpd"
  | "keepalive"
  | "rekey-ike"
  | "rekey-child"
  | "lifetime"
  | "grace"
  | "followup"
  | "group"
  | "retry"
  | "shutdown";

/** Names the SA an event is about. SPIs are hexadecimal digits as shown everywhere. */
export interface IkeSaRef {
  readonly ikeSa: IkeSaId;
  readonly connection: string;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
}

export interface ChildSaRef {
  readonly ikeSa: IkeSaId;
  readonly connection: string;
  readonly child: string;
  readonly childSa: ChildSaId;
  readonly cpu: CpuIndex;
  readonly spiIn: EspSpi;
  readonly spiOut: EspSpi;
}

export type IkeEvent =
  | {
      readonly kind: "ikeUp";
      readonly sa: IkeSaRef;
      readonly localId: string;
      readonly remoteId: string;
      /** How each end has proved itself, in words. */
      readonly localAuth: string;
      readonly remoteAuth: string;
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
      readonly algorithms: string;
      readonly natHere: boolean;
      readonly natThere: boolean;
      readonly encapsulation: Encapsulation;
    }
  | { readonly kind: "ikeDown"; readonly sa: IkeSaRef; readonly why: string; readonly by: "local" | "peer" }
  | { readonly kind: "ikeRekeyed"; readonly old: IkeSaRef; readonly sa: IkeSaRef; readonly algorithms: string }
  | {
      readonly kind: "childUp";
      readonly sa: ChildSaRef;
      readonly cipher: EspCipher;
      readonly esn: boolean;
      readonly mode: SaMode;
      readonly localTs: readonly string[];
      readonly remoteTs: readonly string[];
      readonly shared: boolean;
    }
  | { readonly kind: "childDown"; readonly sa: ChildSaRef; readonly why: string; readonly by: "local" | "peer" }
  | { readonly kind: "childRekeyed"; readonly old: ChildSaRef; readonly sa: ChildSaRef }
  /** A group's decision about how it runs, or a degradation, with the reason in words. */
  | {
      readonly kind: "groupMode";
      readonly connection: string;
      readonly child: string;
      readonly about: "mode" | "refused" | "degraded";
      readonly mode: string;
      readonly text: string;
    }
  /** The peer's authenticated no to something we asked for. */
  | {
      readonly kind: "peerRefused";
      readonly connection: string;
      readonly child: string | undefined;
      readonly notify: string;
      readonly text: string;
    }
  /** Our no to something the peer asked for. */
  | {
      readonly kind: "refusedPeer";
      readonly connection: string | undefined;
      readonly remote: SocketAddress;
      readonly notify: string;
      readonly text: string;
    }
  /**
   * The data plane has no room, or no way to send, on this CPU. A Child SA is closed then, and all of a policy's; a trap is there on the other CPUs
   * only.
   */
  | {
      readonly kind: "dataPlaneRefused";
      readonly connection: string;
      readonly child: string;
      readonly what: "Child SA" | "policy" | "trap";
      readonly cpu: CpuIndex;
      readonly why: string;
    }
  /** An SA may be known to one end only; what is done about it. `remote`: who said so, or sent what is unknown. */
  | { readonly kind: "hint"; readonly connection: string; readonly remote: SocketAddress; readonly text: string }
  /** `text`: a sentence for the operator of this host; never sent to the peer. */
  | { readonly kind: "authFailed"; readonly connection: string | undefined; readonly remote: SocketAddress; readonly text: string }
  | {
      readonly kind: "retransmit";
      readonly connection: string;
      readonly exchange: string;
      readonly messageId: number;
      readonly attempt: number;
      readonly remote: SocketAddress;
    }
  | { readonly kind: "peerUnreachable"; readonly connection: string; readonly remote: SocketAddress; readonly exchange: string }
  /** The peer has given us virtual addresses (RFC 7296 §2.19): ours as long as the IKE SA or a successor of it is there. */
  | {
      readonly kind: "virtualAddresses";
      readonly sa: IkeSaRef;
      readonly addresses: readonly string[];
      readonly dnsServers: readonly string[];
      readonly subnets: readonly string[];
    }
  /** We have given a virtual address to the peer. */
  | {
      readonly kind: "addressLeased";
      readonly sa: IkeSaRef;
      readonly pool: string;
      readonly address: string;
      readonly remoteId: string;
    }
  /** The peer got no virtual address of these families, as all are in use. */
  | {
      readonly kind: "poolExhausted";
      readonly connection: string;
      readonly pools: readonly string[];
      readonly families: readonly (4 | 6)[];
      readonly remoteId: string;
    }
  | { readonly kind: "connectionFailed"; readonly connection: string; readonly text: string }
  /** A step in the life of an IKE SA, for debugging. */
  | { readonly kind: "transition"; readonly sa: IkeSaRef; readonly from: string; readonly to: string; readonly why: string }
  /** IKE and ESP go to another address of the peer from now on. */
  | {
      readonly kind: "peerMoved";
      readonly sa: IkeSaRef;
      readonly from: SocketAddress;
      readonly to: SocketAddress;
      readonly local: SocketAddress;
    }
  /** IKE and ESP come from another address of ours from now on. */
  | {
      readonly kind: "localMoved";
      readonly sa: IkeSaRef;
      readonly from: SocketAddress;
      readonly to: SocketAddress;
      readonly remote: SocketAddress;
    }
  /** ESP goes in UDP from now on, or not any more. */
  | {
      readonly kind: "encapsulation";
      readonly sa: IkeSaRef;
      readonly encapsulation: Encapsulation;
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
    }
  | {
      readonly kind: "connectionState";
      readonly connection: string;
      readonly state: "configured" | "connecting" | "up" | "down";
      readonly text: string;
    }
  /** A mistake of this program: please report it. */
  | { readonly kind: "fault"; readonly text: string; readonly stack: string }
  /** Everything is closed after a `shutdown` command. */
  | { readonly kind: "done" };

/** Keys for an explicit key log (Wireshark's tables); handed out only through the `onKeys` dependency. The receiver copies what it keeps: they are wiped. */
export type KeyMaterial =
  | {
      readonly kind: "ike";
      readonly initiatorSpi: string;
      readonly responderSpi: string;
      readonly encryption: { readonly id: number; readonly keyLength: number };
      readonly integrity: number | undefined;
      readonly skEi: Uint8Array;
      readonly skEr: Uint8Array;
      readonly skAi: Uint8Array;
      readonly skAr: Uint8Array;
    }
  | {
      readonly kind: "esp";
      readonly source: SocketAddress;
      readonly destination: SocketAddress;
      readonly spi: EspSpi;
      readonly cipher: string;
      readonly esn: boolean;
      readonly keymat: Uint8Array;
    };
