/** What `hawser status` and `hawser status --json` tell: the endpoint's state together with what the data plane counts. */
import type { DataPlaneCounters } from "../dataplane/data-plane.ts";
import type { EndpointStatus } from "../ike/status.ts";
import type { DropReason } from "../ipsec/drop-reasons.ts";

export type { ChildSaStatus, ConnectionStatus, EndpointStatus, GroupStatus, IkeSaStatus } from "../ike/status.ts";

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  /** Milliseconds since the start. */
  readonly uptime: number;
  readonly tun: {
    readonly name: string;
    readonly mtu: number;
    readonly dispatch: { readonly mode: string; /** Why it is not what was asked for. */ readonly reason: string | undefined };
  };
  /** Operating system's CPU of each worker, by worker index: the numbers that SAs and groups are shown with. */
  readonly cpus: readonly number[];
  readonly localAddresses: readonly string[];
  readonly dataPlane: DataPlaneStatus;
  readonly endpoint: EndpointStatus;
}

export interface DataPlaneStatus extends DataPlaneCounters {
  readonly engine: { readonly name: string; readonly version: string };
  /** Text of each reason in `drops`. */
  readonly dropTexts: Partial<Record<DropReason, string>>;
  /** Drops that are no fault of anybody (padding packets that the peer sends to hide traffic, RFC 4303 §2.6). */
  readonly expectedDrops: readonly DropReason[];
}
