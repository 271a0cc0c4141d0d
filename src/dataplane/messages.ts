/** What control and the workers say to each other. Plain data, cloned across the thread boundary. */
import type { MessagePort } from "node:worker_threads";
import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import type { Encapsulation, SadbEvent, SadbMessage, SocketAddress } from "../ipsec/sadb.ts";

/** What a worker starts with. */
export interface WorkerSetup {
  readonly self: CpuIndex;
  /** The operating system's CPU to run on; undefined = wherever the scheduler likes. */
  readonly pinTo: number | undefined;
  /** Packet memories of all workers, our own among them. */
  readonly memories: readonly WebAssembly.Memory[];
  /** eventfds that wake each worker. */
  readonly wakeFds: readonly number[];
  readonly tunFd: number;
  readonly udpOffload: boolean;
  readonly sockets: readonly WorkerSocket[];
  readonly engine: string;
  readonly saArenaSize: number;
  /** Sequence counters of shared SAs: Int32, one 64-octet line each. */
  readonly sharedCounters: SharedArrayBuffer;
  readonly steering: { readonly mask: number; readonly multiplier: number };
  readonly port: MessagePort;
}

/** A socket of one local address, for ESP in UDP or without. */
export interface WorkerSocket {
  /** The port is that of ESP in UDP, also where the socket has none. */
  readonly local: SocketAddress;
  readonly encapsulation: Encapsulation;
  readonly fd: number;
}

export type ToWorker =
  /** An outbound SA also says where its shared sequence counter is. */
  | { readonly kind: "sadb"; readonly message: SadbMessage; readonly sharedCounter: number }
  /** One more: this host has got another address. */
  | { readonly kind: "socket"; readonly socket: WorkerSocket }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready"; readonly engine: { readonly name: string; readonly version: string } }
  | { readonly kind: "event"; readonly event: DataPlaneEvent }
  /** Where the runtime of a new SA lies, so that control can read its counters. */
  | { readonly kind: "installed"; readonly id: ChildSaId; readonly direction: "in" | "out"; readonly address: number }
  /** The SA's runtime is wiped; nothing of this worker touches it or its shared counter any more. */
  | { readonly kind: "removed"; readonly id: ChildSaId; readonly direction: "in" | "out" }
  | { readonly kind: "stopped" }
  | { readonly kind: "fatal"; readonly message: string };

/** Everything that a data plane tells control. */
export type DataPlaneEvent =
  | SadbEvent
  /** The path to the peer takes no packet of this size any more; the kernel knows its MTU now. */
  | { readonly verb: "pathMtu"; readonly local: SocketAddress; readonly remote: SocketAddress }
  /** An IKE message (behind its non-ESP marker) that reached a worker's socket. */
  | { readonly verb: "ike"; readonly local: SocketAddress; readonly remote: SocketAddress; readonly octets: Uint8Array };
