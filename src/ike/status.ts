/** What `hawser status` shows: plain data, no secrets, times in milliseconds of the endpoint's clock. */
import type { ChildSaId, CpuIndex, EspSpi } from "../ipsec/names.ts";
import type { Encapsulation, SaMode, SocketAddress } from "../ipsec/sadb.ts";
import type { IkeSaId } from "./command.ts";

export interface EndpointStatus {
  readonly now: number;
  readonly connections: readonly ConnectionStatus[];
  readonly ikeSas: readonly IkeSaStatus[];
  readonly childSas: readonly ChildSaStatus[];
  readonly groups: readonly GroupStatus[];
  readonly pools: readonly PoolStatus[];
  readonly counters: EndpointCounters;
}

export interface ConnectionStatus {
  readonly name: string;
  /** configured: nothing was asked of it; down: it was asked for, and is not. */
  readonly state: "configured" | "down" | "connecting" | "up";
  readonly lastError: string | undefined;
  readonly children: readonly string[];
}

export interface IkeSaStatus {
  readonly id: IkeSaId;
  readonly connection: string | undefined;
  readonly state: string;
  readonly role: "initiator" | "responder";
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** What ESP of its Child SAs goes in. */
  readonly encapsulation: Encapsulation;
  readonly localId: string | undefined;
  readonly remoteId: string | undefined;
  /** How each end has proved itself: "pre-shared key", 'ECDSA with SHA2-256, certificate "CN=west"'. */
  readonly localAuth: string | undefined;
  readonly remoteAuth: string | undefined;
  readonly algorithms: string | undefined;
  /** What the peer has given us (RFC 7296 §2.19); empty lists without that. */
  readonly virtual: VirtualConfigurationText;
  /** Virtual addresses that the peer has from us. */
  readonly leases: readonly LeaseStatus[];
  readonly natHere: boolean;
  readonly natThere: boolean;
  readonly age: number;
  readonly rekeyIn: number | undefined;
  readonly outstanding: number;
  readonly queued: number;
  readonly window: { readonly ours: number; readonly peers: number };
}

export interface VirtualConfigurationText {
  readonly addresses: readonly string[];
  readonly dnsServers: readonly string[];
  readonly subnets: readonly string[];
}

export interface LeaseStatus {
  readonly pool: string;
  readonly address: string;
}

export interface PoolStatus {
  readonly name: string;
  /** The range that is given out. */
  readonly first: string;
  readonly last: string;
  readonly size: number;
  readonly inUse: number;
  /** Free, and kept for those who had them last. */
  readonly remembered: number;
}

export interface ChildSaStatus {
  readonly id: ChildSaId;
  readonly ikeSa: IkeSaId;
  readonly connection: string;
  readonly child: string;
  readonly cpu: CpuIndex;
  readonly spiIn: EspSpi;
  readonly spiOut: EspSpi;
  readonly cipher: string;
  readonly esn: boolean;
  readonly mode: SaMode;
  readonly pfs: string | undefined;
  readonly state: string;
  readonly shared: boolean;
  readonly localTs: readonly string[];
  readonly remoteTs: readonly string[];
  readonly age: number;
  readonly rekeyIn: number | undefined;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

export interface GroupStatus {
  readonly connection: string;
  readonly child: string;
  readonly scheme: string;
  readonly mode: string;
  readonly reason: string | undefined;
  readonly localTs: readonly string[];
  readonly remoteTs: readonly string[];
  /** Cap on members. */
  readonly limit: number;
  readonly members: readonly ChildSaId[];
  /** For each CPU: which entry it has, and in words why it has no SA of its own. */
  readonly cpus: readonly {
    readonly cpu: CpuIndex;
    readonly entry: string;
    readonly sa: ChildSaId | undefined;
    readonly why: string | undefined;
    /** Milliseconds for which it does not ask for one of its own, since the peer refused; undefined: it may. */
    readonly asksAgainIn: number | undefined;
  }[];
}

export interface EndpointCounters {
  readonly halfOpen: number;
  readonly established: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly retransmitsIn: number;
  readonly retransmitsOut: number;
  readonly cookiesSent: number;
  readonly fragmentsIn: number;
  readonly fragmentsOut: number;
  /** Messages that were dropped without an answer, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}
