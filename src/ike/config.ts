/**
 * What an operator asks for, checked and complete: the plain records that the daemon's configuration becomes. Names follow swanctl.conf.
 * All durations are milliseconds, all sizes octets; `Infinity` stands for "no limit".
 */
import type { OnMissingSa, SaMode } from "../ipsec/sadb.ts";
import type { SchemeName } from "../multisa/scheme.ts";
import type { SigningKey, VerificationKey } from "../crypto/signature.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { OcspResponse } from "../pki/ocsp-response.ts";
import type { Trust } from "../pki/path.ts";
import type { ConfiguredSelector } from "../ipsec/dynamic-selectors.ts";
import type { Address } from "../wire/address.ts";
import type { Prefix } from "../wire/configuration.ts";
import type { Proposal } from "../wire/proposal.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { DraftNotifyNumbers } from "./group-notifies.ts";
import type { Identity } from "./identity.ts";

/** Retransmission of our own requests (RFC 7296 §2.1): attempt n (from 0) waits `timeout × base^n`, less a random part of up to `jitter`. */
export interface RetransmitConfig {
  readonly timeout: number;
  readonly base: number;
  /** Retransmissions after the first transmission; when the last goes unanswered the IKE SA has failed. */
  readonly tries: number;
  /** 0..1: how much of each wait may be taken away at random, so that many SAs do not beat in step. */
  readonly jitter: number;
}

/** A pre-shared key of the Peer Authorization Database (RFC 4301 §4.4.3). */
export interface SharedSecret {
  readonly name: string;
  /** Whose key this is. Empty: anybody's. With two or more, both ends may be named; the best match wins. */
  readonly ids: readonly Identity[];
  readonly secret: Uint8Array;
}

/** A post-quantum preshared key (RFC 8784), which goes into the keys beside what authenticates. */
export interface Ppk {
  /** Its octets alone go over the wire. */
  readonly id: Identity;
  readonly secret: Uint8Array;
  /** No IKE SA without it. */
  readonly required: boolean;
}

/** What this end signs with. */
export interface Credential {
  readonly key: SigningKey;
  /** Of an RSA key, with a peer that knows RFC 7427, where nothing negotiates it. "pkcs1": for peers without RSASSA-PSS. */
  readonly rsaPadding?: "pss" | "pkcs1";
  /** Of the end entity first, then of intermediates; none: a raw public key (RFC 7670). */
  readonly certificates: readonly Certificate[];
  /** What the authority says of the certificates, for peers that ask (RFC 4806). */
  readonly ocspResponses?: readonly OcspResponse[];
}

/** Whether this end sends its certificate: in any case, to a peer that asks with a CERTREQ, or never. */
export type SendCert = "always" | "ifasked" | "never";

export type LocalAuthentication =
  | { readonly auth: "psk"; readonly id: Identity }
  /** Nothing is proved, and no identity shown: `id` is ID_NULL (RFC 7619). */
  | { readonly auth: "null"; readonly id: Identity }
  | { readonly auth: "pubkey"; readonly id: Identity; readonly credential: Credential; readonly sendCert: SendCert };

/** Whose signatures are believed. */
export interface PeerTrust extends Trust {
  /** The peer's own, known beforehand: if there are any, no other is believed; without anchors they need no path. */
  readonly certificates: readonly Certificate[];
  /** Raw public keys of the peer (RFC 7670). */
  readonly publicKeys: readonly VerificationKey[];
}

/** `id`: what the peer must prove to be; "%any" takes whatever identity has a shared secret or a certificate that is believed. */
export type RemoteAuthentication =
  | { readonly auth: "psk"; readonly id: Identity | "%any" }
  /** Whoever shows no identity and proves nothing, and nobody else (RFC 7619). */
  | { readonly auth: "null"; readonly id: "%any" }
  | {
      readonly auth: "pubkey";
      readonly id: Identity | "%any";
      readonly trust: PeerTrust;
      readonly sendCertreq: boolean;
      readonly asksForOcsp?: boolean;
    };

/** none: on command or by the peer only; trap: when a packet asks for it; start: at once, and again when the peer was found dead. */
export type StartAction = "none" | "trap" | "start";

export interface ChildConfig {
  readonly name: string;
  /** transport: between the two ends' own addresses, where "dynamic" stands for them; as responder, a tunnel where the peer asks for one. */
  readonly mode: SaMode;
  readonly localTs: readonly ConfiguredSelector[];
  readonly remoteTs: readonly ConfiguredSelector[];
  /** ESP proposals in order of preference; Key Exchange transforms ask for PFS on CREATE_CHILD_SA and are left out in IKE_AUTH. */
  readonly espProposals: readonly Proposal[];
  readonly startAction: StartAction;
  readonly rekeyTime: number;
  readonly lifeTime: number;
  readonly rekeyBytes: number;
  readonly lifeBytes: number;
  readonly rekeyPackets: number;
  readonly lifePackets: number;
  /** RFC 9611: one Child SA for each CPU. Off unless asked for, and not for remote access. */
  readonly perCpuSas: boolean;
  readonly scheme: SchemeName;
  readonly onMissingSa: OnMissingSa;
  /** Cap on Child SAs of one selector set; undefined: twice the CPUs. */
  readonly maxSas: number | undefined;
  /** Cap on selector sets within this child's that one IKE SA has Child SAs for, as peers narrow them; undefined: see child-room.ts. */
  readonly maxTsPairs: number | undefined;
  /** cpu-queues: the peer's count may be this many times ours before everything goes over one SA; 0: any count. */
  readonly maxCpuRatio: number;
  /** 0: never. */
  readonly idleTimeout: number;
  readonly copyDscp: boolean;
  readonly copyEcn: boolean;
  /** Packets. */
  readonly replayWindow: number;
}

/** Virtual addresses to give to peers (RFC 7296 §2.19), and what they are told along with them. */
export interface PoolConfig {
  readonly name: string;
  /** The first and the last address that is given out. */
  readonly range: Pick<TrafficSelector, "family" | "start" | "end">;
  readonly dnsServers: readonly Address[];
  /** Networks that can be reached through this host. */
  readonly subnets: readonly Prefix[];
}

export interface ConnectionConfig {
  readonly name: string;
  /** Addresses, prefixes, or "%any". The first address that this host has is used to initiate. */
  readonly localAddrs: readonly string[];
  /** Addresses, prefixes, or "%any". Only the first plain address can be initiated to; without one the connection only answers. */
  readonly remoteAddrs: readonly string[];
  readonly localPort: number;
  readonly remotePort: number;
  readonly proposals: readonly Proposal[];
  readonly local: LocalAuthentication;
  readonly remote: RemoteAuthentication;
  readonly children: readonly ChildConfig[];
  /** Virtual addresses to ask the peer for when we initiate, one of each family at most; 0 is any address. */
  readonly vips: readonly Address[];
  /** Names of the pools that peers get their virtual addresses from, in the order in which they are tried. */
  readonly pools: readonly string[];
  /** Undefined: none. */
  readonly ppk: Ppk | undefined;
  /** Silence from the peer (IKE and ESP) after which it is asked whether it lives; 0: never. */
  readonly dpdDelay: number;
  readonly rekeyTime: number;
  /** After `rekeyTime + overTime` an IKE SA that could not be rekeyed is closed. */
  readonly overTime: number;
  /** What a second IKE SA between the same identities means: nothing; the newcomer is refused; the older one is closed. */
  readonly unique: "no" | "keep" | "replace";
  /** IKE SAs that there may be with one peer; 2 at least, as two may be begun at once. Of more, the one unheard of for longest is closed. */
  readonly maxIkeSas: number;
  /** How often the whole retransmission of IKE_SA_INIT is gone through; 0: for ever. */
  readonly keyingTries: number;
  /** Claim to be behind a NAT so that ESP goes in UDP also where there is none (RFC 7296 §2.23), if the peer knows NAT traversal. */
  readonly encap: boolean;
  /** RFC 7383. yes: both ways; accept: of the peer, but what we send stays whole; no: not at all. */
  readonly fragmentation: "yes" | "accept" | "no";
  /** RFC 4555: addresses may change while the SAs stay, if the peer wants that too. */
  readonly mobike: boolean;
  /**
   * IKE SAs whose first Child SA has an exchange of its own (RFC 6023). allow: as responder, and as initiator when there is no child; prefer:
   * as initiator whenever the peer can; force: in both roles or not at all; never: not at all.
   */
  readonly childless: "allow" | "prefer" | "force" | "never";
}

export interface EndpointConfig {
  readonly connections: readonly ConnectionConfig[];
  readonly secrets: readonly SharedSecret[];
  readonly pools: readonly PoolConfig[];
  /** What a peer that asks for our APPLICATION_VERSION is told (RFC 7296 §2.20); undefined: an empty text. */
  readonly applicationVersion: string | undefined;
  /** IKE SAs awaiting IKE_AUTH beyond which IKE_SA_INIT requests are dropped. */
  readonly halfOpenLimit: number;
  /** The same, beyond which a COOKIE is demanded first (RFC 7296 §2.6). */
  readonly cookieThreshold: number;
  /** Half-open IKE SAs that one source network (source-network.ts) may cause. */
  readonly perSourceLimit: number;
  /** How long a half-open IKE SA waits for its IKE_AUTH. */
  readonly halfOpenTimeout: number;
  readonly retransmit: RetransmitConfig;
  /** Interval of NAT keepalives while nothing else is sent to the peer; 0: none. */
  readonly natKeepalive: number;
  /** Octets of the IP datagrams, headers included, that longer IKE messages are fragmented into (RFC 7383 §2.5.1). */
  readonly fragmentSize: number;
  /** Requests that we let the peer have outstanding (SET_WINDOW_SIZE), and the most that we use of the peer's. 1..64. */
  readonly windowSize: number;
  /** How long an inbound SA outlives its Delete, for packets that are still on their way. */
  readonly deleteGrace: number;
  /** Private-use notify numbers of the scheme cpu-queues. */
  readonly draftNotifies: DraftNotifyNumbers;
  /** UDP ports of IKE (500) and of IKE and ESP with NAT traversal (4500), as the peer sees us listen. */
  readonly ikePort: number;
  readonly natPort: number;
}

/** Everything that has a sensible value without asking. */
export const DEFAULT_ENDPOINT_SETTINGS: Omit<EndpointConfig, "connections" | "secrets"> = {
  pools: [],
  applicationVersion: undefined,
  halfOpenLimit: 1000,
  cookieThreshold: 30,
  perSourceLimit: 5,
  halfOpenTimeout: 30_000,
  retransmit: { timeout: 2000, base: 1.8, tries: 5, jitter: 0.2 },
  natKeepalive: 20_000,
  fragmentSize: 1280,
  windowSize: 16,
  deleteGrace: 1000,
  draftNotifies: { cpuQueues: 40970, cpuQueueInfo: 40971 },
  ikePort: 500,
  natPort: 4500,
};

export const DEFAULT_CONNECTION_SETTINGS = {
  localAddrs: ["%any"],
  localPort: 500,
  remotePort: 500,
  vips: [],
  pools: [],
  ppk: undefined,
  dpdDelay: 0,
  rekeyTime: 4 * 3600_000,
  overTime: 0.1 * 4 * 3600_000,
  unique: "no",
  maxIkeSas: 8,
  keyingTries: 1,
  encap: true,
  fragmentation: "yes",
  mobike: true,
  childless: "allow",
} as const satisfies Partial<ConnectionConfig>;

export const DEFAULT_CHILD_SETTINGS = {
  mode: "tunnel",
  startAction: "none",
  rekeyTime: 3600_000,
  lifeTime: 1.1 * 3600_000,
  rekeyBytes: Infinity,
  lifeBytes: Infinity,
  rekeyPackets: Infinity,
  lifePackets: Infinity,
  perCpuSas: false,
  scheme: "rfc9611",
  onMissingSa: "resteer",
  maxSas: undefined,
  maxTsPairs: undefined,
  maxCpuRatio: 16,
  idleTimeout: 0,
  copyDscp: true,
  copyEcn: true,
  replayWindow: 4096,
} as const satisfies Partial<ChildConfig>;
