/**
 * Two IKE endpoints in memory: a wire with a delay, a virtual clock, and a data plane that has traffic on every CPU at every moment, so that
 * whatever entry asks for an SA raises its ACQUIRE at once.
 */
import { systemEntropy } from "../src/crypto/entropy.ts";
import { DEFAULT_CHILD_SETTINGS, DEFAULT_CONNECTION_SETTINGS, DEFAULT_ENDPOINT_SETTINGS } from "../src/ike/config.ts";
import type { ChildConfig, EndpointConfig } from "../src/ike/config.ts";
import { IkeEndpoint } from "../src/ike/endpoint.ts";
import type { Datagram } from "../src/ike/endpoint.ts";
import { parseIdentity } from "../src/ike/identity.ts";
import { parseProposal } from "../src/crypto/algorithms.ts";
import { cpuIndex } from "../src/ipsec/names.ts";
import type { CpuIndex, PolicyId } from "../src/ipsec/names.ts";
import type { FlowKey, PolicySpec, SadbMessage } from "../src/ipsec/sadb.ts";
import { newSpiSteering } from "../src/ipsec/spi-steering.ts";
import { parsePrefix } from "../src/wire/traffic-selector.ts";

export type Side = "left" | "right";

/** Far beyond what a benchmark sets up: no limit is what is measured. */
const MOST_SAS = 4096;
const IKE_PROPOSAL = "aes128gcm16-prfsha256-x25519";
const ESP_PROPOSAL = "aes128gcm16-noesn";
const ADDRESSES = { left: "192.0.2.1", right: "192.0.2.2" } as const;
const NETWORKS = { left: "10.1.0.0/16", right: "10.2.0.0/16" } as const;
const FLOWS: Record<Side, FlowKey> = {
  left: { protocol: 17, sourceAddress: "10.1.0.1", destinationAddress: "10.2.0.1", sourcePort: 1000, destinationPort: 1000 },
  right: { protocol: 17, sourceAddress: "10.2.0.1", destinationAddress: "10.1.0.1", sourcePort: 1000, destinationPort: 1000 },
};

export interface IkeHostOptions {
  readonly side: Side;
  readonly cpus: number;
  readonly child: Partial<Pick<ChildConfig, "perCpuSas" | "startAction">>;
  /** Who it says it is; the other admits anybody with the secret. */
  readonly id?: string;
  /** Whether its CPUs have packets to send. */
  readonly hasTraffic: boolean;
}

/** What a host wants to be sent. */
export interface Outgoing extends Datagram {
  readonly from: Side;
}

export class IkeHost {
  readonly side: Side;
  readonly endpoint: IkeEndpoint;
  /** CPUs that have an outbound SA of their own. */
  readonly ownSas = new Set<CpuIndex>();
  timeoutAt = Infinity;
  readonly #options: IkeHostOptions;
  readonly #policies = new Map<PolicyId, PolicySpec>();
  readonly #send: (datagram: Outgoing) => void;

  constructor(options: IkeHostOptions, now: number, send: (datagram: Outgoing) => void) {
    this.side = options.side;
    this.#options = options;
    this.#send = send;
    const entropy = systemEntropy();
    this.endpoint = new IkeEndpoint(endpointConfig(options), {
      entropy,
      steering: newSpiSteering((n) => entropy.bytes(n), options.cpus),
      cpus: Array.from({ length: options.cpus }, (_, cpu) => cpuIndex(cpu)),
      now,
      date: () => Date.now(),
    });
    this.endpoint.addLocalAddress(ADDRESSES[this.side]);
  }

  /** Gives the endpoint an input, and takes care of all that follows from it at once. */
  act(now: number, input: (endpoint: IkeEndpoint) => void): void {
    input(this.endpoint);
    for (let output = this.endpoint.pollOutput(); output !== undefined; output = this.endpoint.pollOutput()) {
      switch (output.kind) {
        case "transmit":
          this.#send({ from: this.side, local: output.local, remote: output.remote, octets: output.octets });
          break;
        case "sadb":
          this.#apply(output.message, now);
          break;
        case "event":
          if (output.event.kind === "fault") throw new Error(`${output.event.text}\n${output.event.stack}`);
          break;
        case "keepalive":
          break;
        case "timeout":
          this.timeoutAt = output.at;
          break;
      }
    }
  }

  #apply(message: SadbMessage, now: number): void {
    switch (message.verb) {
      case "addPolicy":
        this.#policies.set(message.policy.id, message.policy);
        for (let cpu = 0; cpu < this.#options.cpus; cpu++) this.#acquire(message.policy.id, cpuIndex(cpu), now);
        break;
      case "removePolicy":
        this.#policies.delete(message.policyId);
        break;
      case "setEntry":
        if (message.entry.kind === "own") this.ownSas.add(message.cpu);
        else if (message.entry.ask) this.#acquire(message.policyId, message.cpu, now);
        break;
      default:
        break;
    }
  }

  /** A packet meets an entry that asks; packets meet the policy that is looked at first. */
  #acquire(id: PolicyId, cpu: CpuIndex, now: number): void {
    if (!this.#options.hasTraffic) return;
    const policy = this.#policies.get(id);
    if (policy === undefined || [...this.#policies.values()].some(({ priority }) => priority < policy.priority)) return;
    this.endpoint.handleSadbEvent({ verb: "acquire", policyId: id, cpu, flow: FLOWS[this.side] }, now);
  }
}

/** Both hosts and the wire between them. */
export class IkePair {
  readonly left: IkeHost;
  readonly right: IkeHost;
  now = 0;
  /** Milliseconds from one end to the other. */
  readonly #delay: number;
  readonly #wire: { readonly at: number; readonly datagram: Outgoing }[] = [];

  constructor(options: Readonly<Record<Side, Omit<IkeHostOptions, "side">>>, delay: number) {
    this.#delay = delay;
    const send = (datagram: Outgoing): number => this.#wire.push({ at: this.now + this.#delay, datagram });
    this.left = new IkeHost({ ...options.left, side: "left" }, this.now, send);
    this.right = new IkeHost({ ...options.right, side: "right" }, this.now, send);
  }

  /** Lets datagrams arrive and timers fire, each at its time, until `isOver`. @throws Error when that is not by `deadline` milliseconds */
  runUntil(isOver: () => boolean, deadline: number): void {
    while (!isOver()) {
      const arrival = this.#wire[0]?.at ?? Infinity;
      const next = Math.min(arrival, this.left.timeoutAt, this.right.timeoutAt);
      if (next > deadline) throw new Error(`not set up within ${deadline} ms of virtual time`);
      this.now = Math.max(this.now, next);
      if (arrival <= this.now) this.#arrive();
      else for (const host of [this.left, this.right]) if (host.timeoutAt <= this.now) host.act(this.now, (e) => e.handleTimeout(this.now));
    }
  }

  #arrive(): void {
    const next = this.#wire.shift();
    if (next === undefined) return;
    const { from, local, remote, octets } = next.datagram;
    const host = from === "left" ? this.right : this.left;
    host.act(this.now, (endpoint) => endpoint.handleDatagram({ local: remote, remote: local, octets }, this.now));
  }
}

function endpointConfig({ side, child, id = `${side}.example` }: IkeHostOptions): EndpointConfig {
  const other = side === "left" ? "right" : "left";
  return {
    ...DEFAULT_ENDPOINT_SETTINGS,
    secrets: [{ name: "ike", ids: [], secret: new TextEncoder().encode("a secret of the benchmark's own") }],
    connections: [
      {
        ...DEFAULT_CONNECTION_SETTINGS,
        name: "tunnel",
        localAddrs: [ADDRESSES[side]],
        remoteAddrs: [ADDRESSES[other]],
        proposals: [parseProposal(IKE_PROPOSAL, "IKE")],
        local: { auth: "psk", id: parseIdentity(id) },
        remote: { auth: "psk", id: "%any" },
        children: [
          {
            ...DEFAULT_CHILD_SETTINGS,
            name: "net",
            localTs: [parsePrefix(NETWORKS[side])],
            remoteTs: [parsePrefix(NETWORKS[other])],
            espProposals: [parseProposal(ESP_PROPOSAL, "ESP")],
            maxSas: MOST_SAS,
            ...child,
          },
        ],
      },
    ],
  };
}
