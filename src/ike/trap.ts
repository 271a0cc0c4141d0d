/** A trap: the SPD entry of a child that is negotiated when a packet asks for it (`start_action: trap`). */
import { withAddresses, withAnyAddress } from "../ipsec/dynamic-selectors.ts";
import type { CpuIndex, PolicyId } from "../ipsec/names.ts";
import type { FlowKey } from "../ipsec/sadb.ts";
import { IpProtocol } from "../wire/iana/index.ts";
import { ANY_PORTS, parseAddress, type TrafficSelector } from "../wire/traffic-selector.ts";
import { familiesOf } from "./child-selectors.ts";
import type { ChildConfig, ConnectionConfig } from "./config.ts";
import { trapPriority } from "./policy-priority.ts";
import type { Services } from "./services.ts";

export class Trap {
  readonly child: ChildConfig;
  readonly policyId: PolicyId;
  readonly #services: Services;
  /** CPUs whose one ACQUIRE has been raised since the entry was set. */
  readonly #asked = new Set<CpuIndex>();

  /** Installs the policy, below those of any group. A virtual address is not known yet: packets from anywhere ask. */
  constructor(services: Services, { name: connectionName, vips }: ConnectionConfig, child: ChildConfig) {
    this.child = child;
    this.policyId = services.newPolicyId();
    this.#services = services;
    const { name, onMissingSa } = child;
    const remoteTs = withAddresses(child.remoteTs, []);
    // In transport mode, any of this host's addresses.
    const families = child.mode === "transport" ? [...new Set(familiesOf(remoteTs))] : familiesOf(vips);
    const localTs = withAnyAddress(child.localTs, families);
    const priority = trapPriority(localTs, remoteTs);
    const policy = { id: this.policyId, name: `${connectionName}/${name}`, localTs, remoteTs, priority, onMissingSa };
    services.outputs.sadb({ verb: "addPolicy", policy });
    for (const cpu of services.cpus) this.#arm(cpu);
  }

  asked(cpu: CpuIndex): void {
    this.#asked.add(cpu);
  }

  /** A packet may ask again: what was asked for is there, or has gone, or has failed long enough ago. */
  rearm(): void {
    for (const cpu of this.#asked) this.#arm(cpu);
    this.#asked.clear();
  }

  remove(): void {
    this.#services.outputs.sadb({ verb: "removePolicy", policyId: this.policyId });
  }

  #arm(cpu: CpuIndex): void {
    this.#services.outputs.sadb({ verb: "setEntry", policyId: this.policyId, cpu, entry: { kind: "none", ask: true } });
  }
}

/** The packet that asked, as the first and most specific selectors of a request (RFC 7296 §2.9). */
export function selectorsOfFlow(flow: FlowKey): { readonly local: TrafficSelector; readonly remote: TrafficSelector } {
  return {
    local: selectorOf(flow, flow.sourceAddress, flow.sourcePort),
    remote: selectorOf(flow, flow.destinationAddress, flow.destinationPort),
  };
}

function selectorOf({ protocol }: FlowKey, address: string, port: number): TrafficSelector {
  const { family, value } = parseAddress(address);
  const ports = hasPorts(protocol) ? { startPort: port, endPort: port } : ANY_PORTS;
  return { family, protocol, ...ports, start: value, end: value };
}

const hasPorts = (protocol: number): boolean =>
  protocol === IpProtocol.TCP || protocol === IpProtocol.UDP || protocol === IpProtocol.SCTP || protocol === IpProtocol.UDPLITE;
