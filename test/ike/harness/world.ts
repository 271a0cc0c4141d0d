/**
 * Two hosts, a wire between them and a clock, all virtual. A test either leads every datagram by hand (ladders) or lets a seeded network
 * lose, repeat and delay them (simulation). Nothing here waits for real time.
 */
import assert from "node:assert/strict";
import { seededEntropy, type Entropy } from "../../../src/crypto/entropy.ts";
import type { Command } from "../../../src/ike/command.ts";
import type { EndpointConfig } from "../../../src/ike/config.ts";
import { IkeEndpoint } from "../../../src/ike/endpoint.ts";
import type { IkeEvent, KeyMaterial } from "../../../src/ike/events.ts";
import type { EndpointStatus } from "../../../src/ike/status.ts";
import { cpuIndex, type CpuIndex } from "../../../src/ipsec/names.ts";
import type { FlowKey, SocketAddress } from "../../../src/ipsec/sadb.ts";
import { newSpiSteering } from "../../../src/ipsec/spi-steering.ts";
import { LEFT_ADDRESS, RIGHT_ADDRESS, endpointConfig, type Overrides, type Side } from "./configs.ts";
import { MemoryDataPlane, type Sealed, type SendResult } from "./data-plane.ts";
import { MessageReader } from "./describe.ts";

export interface InFlight {
  readonly from: Side;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly octets: Uint8Array;
  readonly marker: boolean;
}

const IPV4_AND_UDP = 20 + 8;
/** Four zero octets before IKE on the port of NAT traversal (RFC 3948 §2.2). */
const MARKER = 4;

/** Octets of the IPv4 datagram that carries it. */
export const datagramSize = ({ octets, marker }: InFlight): number => IPV4_AND_UDP + (marker ? MARKER : 0) + octets.length;

export interface Host {
  readonly side: Side;
  readonly address: string;
  readonly endpoint: IkeEndpoint;
  readonly dataPlane: MemoryDataPlane;
  readonly events: IkeEvent[];
  readonly keepalives: SocketAddress[];
  /** First octets for the nonces to come, so that a test decides who wins a collision. */
  readonly nonceOctets: number[];
  timeoutAt: number;
}

export interface WorldOptions {
  readonly seed?: string | number;
  readonly cpus?: number | readonly [left: number, right: number];
  readonly left?: Overrides;
  readonly right?: Overrides;
  /** Ends that make tokens of quick crash detection. */
  readonly tokenMakers?: readonly Side[];
}

export class World {
  readonly reader = new MessageReader();
  readonly left: Host;
  readonly right: Host;
  /** What was sent and has not arrived, in the order of sending. */
  readonly wire: InFlight[] = [];
  /** Whoever carries datagrams instead of {@link wire}. */
  carry: ((datagram: InFlight) => void) | undefined;
  /** Is told the keys too. */
  onKeys: ((keys: KeyMaterial) => void) | undefined;
  now = 1_000_000;
  /** Milliseconds since 1970 when {@link now} is zero. */
  date = Date.parse("2026-11-24T12:00:00Z");

  constructor({ seed = 1, cpus = 1, left, right, tokenMakers = [] }: WorldOptions = {}) {
    const [leftCpus, rightCpus] = typeof cpus === "number" ? [cpus, cpus] : cpus;
    this.left = this.#host("left", endpointConfig("left", left), leftCpus, seed, tokenMakers);
    this.right = this.#host("right", endpointConfig("right", right), rightCpus, seed, tokenMakers);
    for (const host of this.hosts) this.drain(host);
  }

  get hosts(): readonly Host[] {
    return [this.left, this.right];
  }

  host(side: Side): Host {
    return side === "left" ? this.left : this.right;
  }

  peerOf(host: Host): Host {
    return host === this.left ? this.right : this.left;
  }

  status(host: Host): EndpointStatus {
    return host.endpoint.status(this.now);
  }

  /** Does something to one host, and takes care of what follows. */
  act(host: Host, action: (endpoint: IkeEndpoint) => void): void {
    action(host.endpoint);
    this.drain(host);
  }

  initiate(host: Host = this.left, child?: string): void {
    this.command(host, { verb: "initiate", connection: "tunnel", ...(child === undefined ? {} : { child }) });
  }

  /** Lets the hosts hear of what their packets ask for. */
  deliverAcquires(): void {
    for (const host of this.hosts) {
      for (const event of host.dataPlane.raised.splice(0)) this.act(host, (endpoint) => endpoint.handleSadbEvent(event, this.now));
    }
  }

  /** Rekeys the only Child SA, or the one with that index in the status. */
  rekeyChild(host: Host, index = 0): void {
    const child = this.status(host).childSas[index];
    assert.ok(child !== undefined, "there is no such Child SA");
    this.command(host, { verb: "rekey", target: { childSa: child.id } });
  }

  rekeyIke(host: Host): void {
    const ikeSa = this.status(host).ikeSas[0];
    assert.ok(ikeSa !== undefined, "there is no IKE SA");
    this.command(host, { verb: "rekey", target: { ikeSa: ikeSa.id } });
  }

  closeChild(host: Host, index = 0): void {
    const child = this.status(host).childSas[index];
    assert.ok(child !== undefined, "there is no such Child SA");
    this.command(host, { verb: "terminate", target: { childSa: child.id } });
  }

  closeIke(host: Host): void {
    const ikeSa = this.status(host).ikeSas[0];
    assert.ok(ikeSa !== undefined, "there is no IKE SA");
    this.command(host, { verb: "terminate", target: { ikeSa: ikeSa.id } });
  }

  command(host: Host, command: Command): void {
    this.act(host, (endpoint) => assert.deepEqual(endpoint.handleCommand(command, this.now), { ok: true }));
  }

  /** A packet from a sender on `cpu`; raises ACQUIREs, which are delivered. */
  send(host: Host, cpu: number, flow: FlowKey = flowFrom(host.side)): SendResult {
    const result = host.dataPlane.send(cpuIndex(cpu), flow);
    this.deliverAcquires();
    return result;
  }

  /** The whole way of one packet: undefined when it arrives, else why not. */
  pass(host: Host, cpu: number): string | undefined {
    const result = host.dataPlane.send(cpuIndex(cpu), flowFrom(host.side));
    this.deliverAcquires();
    return result.kind === "dropped" ? result.why : this.peerOf(host).dataPlane.receive(result.packet);
  }

  receive(host: Host, packet: Sealed): string | undefined {
    return host.dataPlane.receive(packet);
  }

  pollUsage(): void {
    for (const host of this.hosts) this.act(host, (endpoint) => endpoint.handleUsage(host.dataPlane.readings(), this.now));
  }

  /** The description of the next datagram on the wire, delivered: "IKE_AUTH 1 { … } -->". */
  deliver(): string {
    const datagram = this.wire.shift();
    assert.ok(datagram !== undefined, "nothing is on the wire");
    const text = this.describe(datagram);
    this.arrive(datagram);
    return text;
  }

  /** As {@link deliver}, the next one of one sender: overtakes what the other has sent. */
  deliverFrom(side: Side): string {
    const datagram = this.#take(side);
    const text = this.describe(datagram);
    this.arrive(datagram);
    return text;
  }

  /** As {@link deliver}, but the datagram is lost. */
  lose(side?: Side): string {
    return this.describe(this.#take(side));
  }

  /** Takes a datagram off the wire, to let it {@link arrive} later. */
  hold(side?: Side): InFlight {
    return this.#take(side);
  }

  #take(side: Side | undefined): InFlight {
    const index = this.wire.findIndex(({ from }) => side === undefined || from === side);
    const [datagram] = index < 0 ? [] : this.wire.splice(index, 1);
    assert.ok(datagram !== undefined, `nothing of ${side ?? "anybody"} is on the wire`);
    return datagram;
  }

  describe({ from, octets }: InFlight): string {
    const text = this.reader.describe(octets);
    return from === "left" ? `${text} -->` : `<-- ${text}`;
  }

  arrive({ from, local, remote, octets, marker }: InFlight): void {
    const host = this.peerOf(this.host(from));
    assert.equal(marker, remote.port !== 500, "the marker belongs to the ports of NAT traversal");
    this.act(host, (endpoint) => endpoint.handleDatagram({ local: remote, remote: local, octets: octets.slice() }, this.now));
  }

  /** Delivers all that is on the wire and all that follows from it, in order. Returns the ladder. */
  settle(limit = 100_000): string[] {
    const ladder: string[] = [];
    while (this.wire.length > 0) {
      assert.ok(ladder.length < limit, "the two hosts go on and on");
      ladder.push(this.deliver());
    }
    return ladder;
  }

  /** The clock moves on, timers fire at their own times; datagrams stay where they are. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = Math.min(this.left.timeoutAt, this.right.timeoutAt);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      for (const host of this.hosts) {
        if (host.timeoutAt <= this.now) this.act(host, (endpoint) => endpoint.handleTimeout(this.now));
      }
    }
    this.now = end;
  }

  /** The clock moves on and every datagram arrives at once. */
  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    this.settle();
    for (;;) {
      const next = Math.min(this.left.timeoutAt, this.right.timeoutAt);
      if (next > end) break;
      this.advance(Math.max(0, next - this.now));
      this.settle();
    }
    this.now = end;
  }

  drain(host: Host): void {
    host.timeoutAt = Infinity;
    for (let output = host.endpoint.pollOutput(); output !== undefined; output = host.endpoint.pollOutput()) {
      switch (output.kind) {
        case "transmit": {
          const datagram = { from: host.side, local: output.local, remote: output.remote, octets: output.octets, marker: output.marker };
          if (this.carry === undefined) this.wire.push(datagram);
          else this.carry(datagram);
          break;
        }
        case "sadb":
          host.dataPlane.apply(output.message);
          break;
        case "event":
          assert.ok(output.event.kind !== "fault", output.event.kind === "fault" ? `${output.event.text}\n${output.event.stack}` : "");
          host.events.push(output.event);
          break;
        case "keepalive":
          host.keepalives.push(output.remote);
          break;
        case "timeout":
          host.timeoutAt = output.at;
          break;
      }
    }
  }

  #host(side: Side, config: EndpointConfig, cpuCount: number, seed: string | number, tokenMakers: readonly Side[]): Host {
    const nonceOctets: number[] = [];
    const entropy = forcingNonces(seededEntropy(`${seed}/${side}`), nonceOctets);
    const cpus: CpuIndex[] = Array.from({ length: cpuCount }, (_, index) => cpuIndex(index));
    const steering = newSpiSteering((n) => entropy.bytes(n), cpuCount);
    const address = side === "left" ? LEFT_ADDRESS : RIGHT_ADDRESS;
    const endpoint = new IkeEndpoint(config, {
      entropy,
      steering,
      cpus,
      now: this.now,
      date: () => this.date + this.now,
      qcdSecret: tokenMakers.includes(side) ? new Uint8Array(32).fill(side.length) : undefined,
      onKeys: (keys) => {
        this.reader.learn(keys);
        this.onKeys?.(keys);
      },
    });
    endpoint.addLocalAddress(address);
    return { side, address, endpoint, dataPlane: new MemoryDataPlane(), events: [], keepalives: [], nonceOctets, timeoutAt: Infinity };
  }
}

/** Nonces are the first 32 octets that an exchange draws. */
function forcingNonces(entropy: Entropy, firstOctets: number[]): Entropy {
  return {
    bytes: (n) => {
      const octets = entropy.bytes(n);
      const first = n === 32 ? firstOctets.shift() : undefined;
      if (first !== undefined) octets[0] = first;
      return octets;
    },
  };
}

/** Two hosts with an IKE SA and a Child SA. */
export function establishedWorld(options: WorldOptions = {}): World {
  const world = new World(options);
  world.initiate();
  world.settle();
  return world;
}

/** A UDP packet from a host's own network to the other's. */
export function flowFrom(side: Side, port = 1000): FlowKey {
  const [sourceAddress, destinationAddress] = side === "left" ? ["10.1.0.1", "10.2.0.1"] : ["10.2.0.1", "10.1.0.1"];
  return { protocol: 17, sourceAddress, destinationAddress, sourcePort: port, destinationPort: port };
}
