/**
 * A data plane on real descriptors in a network namespace of its own, alone: what leaves it is caught as ESP by a plain socket and opened with
 * node:crypto, what enters it is ESP that the test has sealed. Two namespaces and two ends are the business of test/e2e.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { DataPlane } from "../../src/dataplane/data-plane.ts";
import type { DataPlaneEvent } from "../../src/dataplane/messages.ts";
import { attachSpiSteering, steerQueues } from "../../src/host/linux/bpf.ts";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { close } from "../../src/host/linux/libc.ts";
import { enterFreshNamespace } from "../../src/host/linux/namespaces.ts";
import { openTun } from "../../src/host/linux/tun.ts";
import type { TunDevice } from "../../src/host/linux/tun.ts";
import { openUdpGroup } from "../../src/host/linux/udp.ts";
import { keymatLength, propertiesOf } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipher } from "../../src/ipsec/esp-cipher.ts";
import { childSaId, cpuIndex, espSpi, policyId } from "../../src/ipsec/names.ts";
import type { EspSpi } from "../../src/ipsec/names.ts";
import type { OnMissingSa, OutboundEntry, SadbEvent, SocketAddress, UsageLimits } from "../../src/ipsec/sadb.ts";
import { cpuOfSpi } from "../../src/ipsec/spi-steering.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { openPlain, sealPlain } from "../support/plain-esp.ts";
import type { PlainSa } from "../support/plain-esp.ts";

export const isRoot = process.getuid?.() === 0;
export const skipUnlessRoot = isRoot ? false : "needs root: it makes a network namespace and a TUN device";

export const POLICY = policyId(1);
const LOCAL = "127.0.0.1";
const PEER = "127.0.0.2";
const PORT = 4500;
const NO_LIMITS: UsageLimits = { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity };

export interface CaughtEsp {
  readonly spi: EspSpi;
  readonly sequence: number;
  readonly inner: Uint8Array;
}

export interface HarnessOptions {
  readonly workers?: number;
  readonly engine?: string;
  readonly steering?: boolean;
  readonly dispatch?: "cpu" | "flow" | "round-robin" | "random";
  readonly onMissingSa?: OnMissingSa;
  readonly maxSasPerWorker?: number;
  readonly cipher?: EspCipher;
}

/** Enters a fresh namespace for the life of this thread. */
export function isolate(): void {
  enterFreshNamespace();
}

export class DataPlaneHarness {
  readonly plane: DataPlane;
  readonly events: DataPlaneEvent[];
  /** ESP as the peer gets it. */
  readonly caught: CaughtEsp[] = [];
  /** Payloads of UDP datagrams that came out of the TUN device for 10.9.0.1:7000. */
  readonly delivered: Buffer[] = [];
  readonly #tun: TunDevice;
  readonly #fds: readonly number[];
  readonly #peer: Socket;
  readonly #app: Socket;
  /** Of all SAs, in both directions. */
  readonly #keys: PlainSa;
  readonly #steering: { mask: number; multiplier: number; workers: number };

  private constructor(
    plane: DataPlane,
    parts: {
      tun: TunDevice;
      fds: readonly number[];
      peer: Socket;
      app: Socket;
      events: DataPlaneEvent[];
      cipher: EspCipher;
      steering: DataPlaneHarness["spread"];
    },
  ) {
    this.plane = plane;
    this.events = parts.events;
    this.#tun = parts.tun;
    this.#fds = parts.fds;
    this.#peer = parts.peer;
    this.#app = parts.app;
    const { cipher } = parts;
    this.#keys = { cipher, keymat: Uint8Array.from({ length: keymatLength(propertiesOf(cipher)) }, (_, i) => i * 7) };
    this.#steering = parts.steering;
    this.#peer.on("message", (octets) => this.caught.push(this.#open(octets)));
    this.#app.on("message", (octets) => this.delivered.push(octets));
  }

  get spread(): { mask: number; multiplier: number; workers: number } {
    return this.#steering;
  }

  static async start(options: HarnessOptions = {}): Promise<DataPlaneHarness> {
    const workers = options.workers ?? 1;
    const tun = openTun({ name: "hwst%d", queues: workers, offloads: true });
    const ip = new Iproute();
    ip.run("quiet IPv6", "link", "set", "dev", tun.name, "addrgenmode", "none");
    ip.run("address the TUN", "address", "add", "10.9.0.1/24", "dev", tun.name);
    ip.run("raise the TUN", "link", "set", "dev", tun.name, "mtu", "1400", "txqueuelen", "20000", "up");
    ip.run("route", "route", "add", "10.9.1.0/24", "dev", tun.name);
    steerQueues(
      tun.fds[0] ?? -1,
      options.dispatch ?? "random",
      Array.from({ length: workers }, (_, i) => i),
    );
    // The first socket is control's. Without steering the kernel would choose it as well, and nobody reads it here.
    const controlSockets = options.steering === false ? 0 : 1;
    const fds = openUdpGroup({ address: LOCAL, port: PORT, count: workers + controlSockets, sendBuffer: 4 << 20, receiveBuffer: 4 << 20 });
    const steering = { mask: 0xdeadbeef, multiplier: 0x9e3779b1, workers };
    if (options.steering !== false) attachSpiSteering(fds[0] ?? -1, steering);
    const peer = createSocket({ type: "udp4", recvBufferSize: 8 << 20 });
    peer.bind(PORT, PEER);
    await once(peer, "listening");
    const app = createSocket({ type: "udp4", recvBufferSize: 8 << 20 });
    app.bind(7000, "10.9.0.1");
    await once(app, "listening");
    const events: DataPlaneEvent[] = [];
    const plane = await DataPlane.start({
      workers: Array.from({ length: workers }, () => undefined),
      tunFds: tun.fds,
      udpOffload: tun.offloads.uso,
      sockets: [{ local: { address: LOCAL, port: PORT }, encapsulation: "udp", fds: fds.slice(controlSockets) }],
      engine: options.engine ?? "auto",
      steering,
      maxSasPerWorker: options.maxSasPerWorker ?? 64,
      onEvent: (event) => events.push(event),
      onFatal: (error) => {
        throw error;
      },
    });
    const everything = parsePrefix("0.0.0.0/0");
    plane.apply({
      verb: "addPolicy",
      policy: {
        id: POLICY,
        name: "test",
        localTs: [everything],
        remoteTs: [everything],
        priority: 1,
        onMissingSa: options.onMissingSa ?? "resteer",
      },
    });
    return new DataPlaneHarness(plane, { tun, fds, peer, app, events, cipher: options.cipher ?? "aes128gcm16", steering });
  }

  async stop(): Promise<void> {
    await this.plane.stop();
    this.#peer.close();
    this.#app.close();
    for (const fd of [...this.#fds, ...this.#tun.fds]) close(fd);
  }

  /** An SPI that steering gives to `cpu`; the same for the same arguments. */
  spiFor(cpu: number, n = 0): EspSpi {
    let found = 0;
    for (let spi = 0x1000; ; spi++) if (cpuOfSpi(this.#steering, espSpi(spi)) === cpu && found++ === n) return espSpi(spi);
  }

  #keymat(): Uint8Array {
    return this.#keys.keymat.slice();
  }

  addOutbound(id: number, cpu: number, options: { shared?: boolean; limits?: Partial<UsageLimits> } = {}): void {
    this.plane.apply({
      verb: "addOutbound",
      sa: {
        id: childSaId(id),
        policyId: POLICY,
        cpu: cpuIndex(cpu),
        spi: espSpi(0x77000000 + id),
        cipher: this.#keys.cipher,
        keymat: this.#keymat(),
        esn: false,
        limits: { ...NO_LIMITS, ...options.limits },
        local: { address: LOCAL, port: PORT },
        remote: { address: PEER, port: PORT },
        encapsulation: "udp",
        mode: "tunnel",
        shared: options.shared ?? false,
        copyDscp: true,
        copyEcn: true,
      },
    });
  }

  addInbound(id: number, cpu: number, spi: EspSpi, limits: Partial<UsageLimits> = {}): void {
    const everything = parsePrefix("0.0.0.0/0");
    this.plane.apply({
      verb: "addInbound",
      sa: {
        id: childSaId(id),
        policyId: POLICY,
        cpu: cpuIndex(cpu),
        spi,
        cipher: this.#keys.cipher,
        keymat: this.#keymat(),
        esn: false,
        limits: { ...NO_LIMITS, ...limits },
        local: { address: LOCAL, port: PORT },
        remote: { address: PEER, port: PORT },
        encapsulation: "udp",
        mode: "tunnel",
        replayWindow: 4096,
        localTs: [everything],
        remoteTs: [everything],
        copyEcn: true,
      },
    });
  }

  /** A further one, below the harness's own. */
  addPolicy(id: number): void {
    const everything = parsePrefix("0.0.0.0/0");
    const selectors = { localTs: [everything], remoteTs: [everything] };
    this.plane.apply({
      verb: "addPolicy",
      policy: { id: policyId(id), name: `test ${id}`, ...selectors, priority: 2, onMissingSa: "resteer" },
    });
  }

  updateAddresses(id: number, cpu: number, ends: { local?: SocketAddress; remote?: SocketAddress }): void {
    const { local = { address: LOCAL, port: PORT }, remote = { address: PEER, port: PORT } } = ends;
    this.plane.apply({ verb: "updateAddresses", id: childSaId(id), cpu: cpuIndex(cpu), local, remote, encapsulation: "udp" });
  }

  setEntry(cpu: number, entry: OutboundEntry): void {
    this.plane.apply({ verb: "setEntry", policyId: POLICY, cpu: cpuIndex(cpu), entry });
  }

  own(id: number): OutboundEntry {
    return { kind: "own", sa: childSaId(id) };
  }

  stub(owner: number, id: number, ask = false): OutboundEntry {
    return { kind: "stub", owner: cpuIndex(owner), sa: childSaId(id), ask };
  }

  /** Everything applied is in effect. */
  settle(): void {
    if (!this.plane.settle(5000)) throw new Error("the workers did not settle within 5 s");
  }

  /** Sends `count` numbered datagrams of `size` octets into the TUN device, `burst` at a time. */
  async send(count: number, options: { size?: number; from?: number; burst?: number } = {}): Promise<void> {
    this.settle();
    const socket = createSocket("udp4");
    const from = options.from ?? 0;
    for (let i = 0; i < count; i++) {
      const octets = Buffer.alloc(options.size ?? 64);
      octets.writeUInt32BE(from + i);
      await new Promise<void>((resolve, reject) =>
        socket.send(octets, 9, "10.9.1.1", (error) => (error === null ? resolve() : reject(error))),
      );
      if ((i + 1) % (options.burst ?? 64) === 0) await pause(1);
    }
    socket.close();
  }

  /** Seals a UDP datagram to 10.9.0.1:7000 and sends it as the peer. */
  inject(spi: EspSpi, sequence: number, payload: Uint8Array): Promise<void> {
    return this.fromPeer(this.seal(spi, sequence, payload));
  }

  fromPeer(octets: Uint8Array): Promise<void> {
    this.settle();
    return new Promise((resolve, reject) => this.#peer.send(octets, PORT, LOCAL, (error) => (error === null ? resolve() : reject(error))));
  }

  seal(spi: EspSpi, sequence: number, payload: Uint8Array): Buffer {
    const inner = Buffer.alloc(28 + payload.length);
    inner.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 1, 1, 10, 9, 0, 1]);
    inner.writeUInt16BE(inner.length, 2);
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += inner.readUInt16BE(i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    inner.writeUInt16BE(~sum & 0xffff, 10);
    inner.writeUInt16BE(9, 20);
    inner.writeUInt16BE(7000, 22);
    inner.writeUInt16BE(8 + payload.length, 24);
    inner.set(payload, 28);
    const iv = new Uint8Array(propertiesOf(this.#keys.cipher).ivLength);
    new DataView(iv.buffer).setUint32(iv.length - 4, sequence);
    return Buffer.from(sealPlain(this.#keys, spi, sequence, inner, iv));
  }

  #open(octets: Buffer): CaughtEsp {
    const { spi, sequence, inner } = openPlain(this.#keys, octets);
    return { spi: espSpi(spi), sequence, inner };
  }

  /** Numbers of the datagrams caught, in order of arrival. */
  numbers(): number[] {
    return this.caught.map(({ inner }) => Buffer.from(inner).readUInt32BE(28));
  }

  eventsOf<V extends DataPlaneEvent["verb"]>(verb: V): Extract<DataPlaneEvent, { verb: V }>[] {
    return this.events.filter((event): event is Extract<DataPlaneEvent, { verb: V }> => event.verb === verb);
  }
}

export type { SadbEvent };

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` holds. @throws Error with `what` when it does not within `ms` */
export async function until(what: string, condition: () => boolean, ms = 5000, seen: () => unknown = () => ""): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what} ${JSON.stringify(seen())}`);
    await pause(5);
  }
}
