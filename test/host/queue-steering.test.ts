import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { after, describe, it } from "node:test";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { allowedCpus, pinThread } from "../../src/host/linux/affinity.ts";
import type { Dispatch } from "../../src/host/linux/bpf.ts";
import { steerQueues } from "../../src/host/linux/bpf.ts";
import { close, connect, read, write } from "../../src/host/linux/libc.ts";
import { Network } from "../../src/host/linux/network.ts";
import { encodeSockaddr } from "../../src/host/linux/sockaddr.ts";
import { openTun } from "../../src/host/linux/tun.ts";
import { openUdpGroup } from "../../src/host/linux/udp.ts";
import { ownNamespace, silenceIpv6 } from "./privileges.ts";

const privileged = ownNamespace();
const cpus = privileged.skip === false ? allowedCpus() : [];
if (privileged.skip === false) silenceIpv6();
const PACKETS = 24;
let devices = 0;

/** A device with its queues steered, and UDP sockets that send into it. */
class Link {
  readonly fds: readonly number[];
  readonly #network: number;
  readonly #sockets: number[] = [];

  constructor(queues: number) {
    this.#network = ++devices;
    const tun = openTun({ name: `hwst-q${this.#network}`, queues, offloads: false });
    this.fds = tun.fds;
    new Network().addAddress(tun.name, `10.60.${this.#network}.1/24`);
    new Network().linkUp(tun.name, 1400);
  }

  /** Sends so many packets of a flow of their own from the calling thread. */
  send(packets: number): void {
    const address = new Uint8Array(28);
    const length = encodeSockaddr(new DataView(address.buffer), 0, `10.60.${this.#network}.2`, 9);
    const [fd] = openUdpGroup({ address: `10.60.${this.#network}.1`, port: 0, count: 1, sendBuffer: 1 << 20, receiveBuffer: 1 << 16 });
    this.#sockets.push(fd!);
    assert.equal(connect(fd!, address, length), 0);
    for (let i = 0; i < packets; i++) assert.equal(write(fd!, Uint8Array.of(i), 1), 1);
  }

  /** UDP packets that have come out of each queue since the last call. */
  counts(): number[] {
    const room = new Uint8Array(2000);
    return this.fds.map((fd) => {
      let count = 0;
      for (let length = read(fd, room, room.length); length >= 0; length = read(fd, room, room.length)) {
        if (room[10] === 0x45 && room[19] === 17) count++;
      }
      return count;
    });
  }

  close(): void {
    [...this.fds, ...this.#sockets].forEach(close);
  }
}

describe("the queue of an outgoing packet", privileged, () => {
  const open: Link[] = [];
  const link = (queues: number): Link => {
    const made = new Link(queues);
    open.push(made);
    return made;
  };
  after(() => open.forEach((one) => one.close()));

  it("cpu: is that of the worker pinned to the sending CPU, whatever the order of the workers", () => {
    const order = [...cpus].reverse();
    const tun = link(Math.max(order.length, 2));
    // With one CPU, the second queue's worker is somewhere that never sends.
    const workers = order.length > 1 ? order : [4000, ...order];
    assert.deepEqual(steerQueues(tun.fds[0]!, "cpu", workers), { dispatch: "cpu" });
    for (const cpu of cpus) {
      pinThread(cpu);
      tun.send(PACKETS);
      assert.deepEqual(
        tun.counts(),
        workers.map((worker) => (worker === cpu ? PACKETS : 0)),
        `sent from CPU ${cpu}`,
      );
    }
  });

  it("cpu: workers that share a CPU share its flows, and no flow is split", () => {
    const cpu = cpus[0]!;
    const tun = link(4);
    assert.deepEqual(steerQueues(tun.fds[0]!, "cpu", [4000, cpu, 4001, cpu]), { dispatch: "cpu" });
    pinThread(cpu);
    const used = new Set<number>();
    for (let flow = 0; flow < 40; flow++) {
      tun.send(5);
      const counts = tun.counts();
      const queue = counts.indexOf(5);
      assert.ok(queue === 1 || queue === 3, `flow ${flow} went ${counts.join(" ")}`);
      used.add(queue);
    }
    assert.equal(used.size, 2, "40 flows use both queues");
  });

  it("cpu: a CPU without a worker is served too", () => {
    const cpu = cpus[0]!;
    const tun = link(3);
    assert.deepEqual(steerQueues(tun.fds[0]!, "cpu", [4000, 4001, 4002]), { dispatch: "cpu" });
    pinThread(cpu);
    tun.send(PACKETS);
    assert.equal(tun.counts()[cpu % 3], PACKETS);
  });

  it("round-robin: one after the other", () => {
    const tun = link(3);
    assert.deepEqual(steerQueues(tun.fds[0]!, "round-robin", [0, 1, 2]), { dispatch: "round-robin" });
    tun.send(PACKETS);
    assert.deepEqual(tun.counts(), [PACKETS / 3, PACKETS / 3, PACKETS / 3]);
  });

  it("random: all of them, none more than two thirds", () => {
    const tun = link(3);
    assert.deepEqual(steerQueues(tun.fds[0]!, "random", [0, 1, 2]), { dispatch: "random" });
    tun.send(300);
    const counts = tun.counts();
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      300,
    );
    // Each is binomial(300, 1/3): outside 40…200 once in 10^12 runs.
    for (const count of counts) assert.ok(count > 40 && count < 200, counts.join(" "));
  });

  it("flow: one flow, one queue, without a program", () => {
    const tun = link(3);
    assert.deepEqual(steerQueues(tun.fds[0]!, "flow", [0, 1, 2]), { dispatch: "flow" });
    tun.send(PACKETS);
    assert.ok(tun.counts().includes(PACKETS));
  });

  it("one queue needs no program", () => {
    for (const dispatch of ["cpu", "round-robin", "random", "flow"] as const satisfies Dispatch[]) {
      assert.deepEqual(steerQueues(-1, dispatch, [0]), { dispatch });
    }
  });

  it("in an unprivileged user namespace the kernel chooses, with a reason", (t) => {
    const fixture = fileURLToPath(new URL(`./fixtures/steer-unprivileged${extname(import.meta.url)}`, import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--user", "--map-root-user", "--net", process.execPath, ...process.execArgv, fixture],
      { encoding: "utf8" },
    );
    if (/unshare failed/.test(stderr)) {
      t.skip("this kernel allows no user namespaces");
      return;
    }
    assert.equal(status, 0, stderr);
    const result = JSON.parse(stdout) as { dispatch: string; reason: string };
    assert.equal(result.dispatch, "flow");
    assert.match(result.reason, /cannot make a table of flows: EPERM from bpf – bpf\(\) needs CAP_BPF/);
  });
});
