/** IKE that reaches a worker is handed to control as having come to the address of its socket, also out of the middle of a full burst. */
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createEngine } from "../../src/dataplane/engines/engines.ts";
import type { DataPlaneEvent } from "../../src/dataplane/messages.ts";
import { configureKernels } from "../../src/dataplane/worker/configure-kernels.ts";
import { Tally } from "../../src/dataplane/worker/context.ts";
import { DestinationTable } from "../../src/dataplane/worker/destinations.ts";
import { Inbound } from "../../src/dataplane/worker/inbound.ts";
import { JOB_CAPACITY } from "../../src/dataplane/worker/memory-map.ts";
import { WorkerSad } from "../../src/dataplane/worker/sad.ts";
import { SocketTurns } from "../../src/dataplane/worker/socket-turns.ts";
import { setOption, sockaddr } from "../../src/host/linux/ip-socket.ts";
import { addressOf, close, connect, write } from "../../src/host/linux/libc.ts";
import { boundAddress, openUdpGroup } from "../../src/host/linux/udp.ts";
import { childSaId, cpuIndex, espSpi, policyId } from "../../src/ipsec/names.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { KernelFrame } from "../kernels/bench-frame.ts";

const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const SPI = espSpi(0x5eed0001);
const SEGMENT = 60;
/** Of one message that the kernel brings whole. */
const SEGMENTS = 64;
const BUFFERS = { sendBuffer: 1 << 18, receiveBuffer: 1 << 18 };
const ADDRESSES = ["127.0.0.1", "127.0.0.3"] as const;

/** A worker's way in, on a socket for each local address, with one inbound SA. Its TUN queue is nobody's: nothing here is authentic. */
class InboundBox {
  readonly posted: DataPlaneEvent[] = [];
  readonly inbound: Inbound;
  readonly #fds = ADDRESSES.map(openWorkerSocket);
  readonly #sender = openUdpGroup({ address: "127.0.0.2", port: 0, count: 1, ...BUFFERS })[0] ?? -1;
  #sequence = 1;

  constructor() {
    const frame = new KernelFrame();
    const { map, memory, kernels, u8, view } = frame;
    const base = addressOf(memory.buffer);
    const self = cpuIndex(0);
    configureKernels(kernels, map, base, { steering: { mask: 0, multiplier: 1 }, memories: [memory], self, udpOffload: true });
    const sockets = this.#fds.map((fd) => ({ local: boundAddress(fd), encapsulation: "udp" as const, fd }));
    const engine = createEngine("auto", memory, { offset: map.engineArena, size: map.engineArenaSize });
    const destinations = new DestinationTable(memory, map.dests, sockets);
    const sad = new WorkerSad(memory, map, kernels, engine, destinations);
    const everything = [parsePrefix("0.0.0.0/0")];
    sad.addInbound({
      ...{ id: childSaId(1), policyId: policyId(1), cpu: self, spi: SPI, cipher: "aes128gcm16", keymat: new Uint8Array(20), esn: false },
      limits: { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity },
      ...{ local: sockets[0]?.local ?? assert.fail(), remote: { address: "127.0.0.2", port: 4500 }, encapsulation: "udp", mode: "tunnel" },
      ...{ replayWindow: 64, localTs: everything, remoteTs: everything, copyEcn: true },
    });
    const f64 = new Float64Array(memory.buffer);
    this.inbound = new Inbound({
      ...{ self, base, u8, view, f64, map, kernels, engine, sad, destinations, sockets },
      u32: new Uint32Array(memory.buffer),
      tally: new Tally(f64, map),
      rings: [],
      tunFd: -1,
      turns: new SocketTurns(),
      sharedCounters: new Int32Array(0),
      touch: () => undefined,
      post: (event) => this.posted.push(event),
    });
  }

  /** One message of many segments to local address `index`: ESP on the SA, and IKE at the places named. */
  send(index: number, ikeAt: readonly number[]): void {
    const message = Buffer.alloc(SEGMENTS * SEGMENT);
    for (let i = 0; i < SEGMENTS; i++) {
      if (ikeAt.includes(i)) continue;
      message.writeUInt32BE(SPI, i * SEGMENT);
      message.writeUInt32BE(this.#sequence++, i * SEGMENT + 4);
    }
    const { address, port } = boundAddress(this.#fds[index] ?? -1);
    const { octets, length } = sockaddr(address, port);
    assert.equal(connect(this.#sender, octets, length), 0);
    setOption(this.#sender, SOL_UDP, UDP_SEGMENT, SEGMENT);
    assert.equal(write(this.#sender, message, message.length), message.length);
  }

  close(): void {
    for (const fd of [...this.#fds, this.#sender]) close(fd);
  }
}

/** Without control's socket beside it: there is no steering here that would tell the two apart. */
function openWorkerSocket(address: string): number {
  const [control = -1, worker = -1] = openUdpGroup({ address, port: 0, count: 2, ...BUFFERS });
  close(control);
  return worker;
}

test("IKE between ESP packets for which the job list is full came to the address that the burst came to", () => {
  const box = new InboundBox();
  try {
    for (let filled = 0; filled < JOB_CAPACITY; filled += SEGMENTS) box.send(1, []);
    box.send(1, [0, 2]);
    assert.ok(box.inbound.poll(1), "a burst");
    const ike = box.posted.filter((event) => event.verb === "ike");
    assert.deepEqual(
      ike.map(({ local }) => local.address),
      [ADDRESSES[1], ADDRESSES[1]],
    );
  } finally {
    box.close();
  }
});
