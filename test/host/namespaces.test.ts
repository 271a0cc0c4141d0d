/** Two hosts on a cable, and a watcher that sees what should not be on it. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { after, before, describe, it } from "node:test";
import { createNamespace, deleteNamespace, enterNamespace, inNamespace, layCable, namespaces } from "../../src/host/linux/namespaces.ts";
import { Network } from "../../src/host/linux/network.ts";
import { PacketSocket, UNPROTECTED_TRAFFIC } from "../../src/host/linux/packet-socket.ts";
import { ownNamespace } from "./privileges.ts";

const privileged = ownNamespace();
/** Of this run alone: two runs of the tests at once do not meet. */
const LEFT = `hwst-left-${process.pid}`;
const RIGHT = `hwst-right-${process.pid}`;

describe("network namespaces", privileged, () => {
  before(() => {
    createNamespace(LEFT);
    createNamespace(RIGHT);
    layCable(
      { namespace: LEFT, device: "hwst0", addresses: ["192.0.2.1/24", "fd00::1/64"] },
      { namespace: RIGHT, device: "hwst0", addresses: ["192.0.2.2/24", "fd00::2/64"] },
      1400,
    );
  });
  after(() => {
    deleteNamespace(LEFT);
    deleteNamespace(RIGHT);
  });

  it("are listed, and their devices are their own", () => {
    assert.ok(namespaces().includes(LEFT) && namespaces().includes(RIGHT));
    assert.equal(new Network(LEFT).mtuOf("hwst0"), 1400);
    assert.ok(new Network(RIGHT).addresses().some(({ address }) => address === "fd00::2"));
    assert.ok(new Network().addresses().every(({ device }) => device !== "hwst0"));
  });

  it("the cable carries both families at once", () => {
    for (const address of ["192.0.2.2", "fd00::2"]) {
      const [command = "", ...rest] = inNamespace(LEFT, "ping", "-c", "1", "-W", "2", address);
      const { status, stdout } = spawnSync(command, rest, { encoding: "utf8" });
      assert.equal(status, 0, stdout);
    }
  });

  it("a watcher of unprotected traffic sees what is neither IKE nor ESP, and only that", async () => {
    // Somebody listens on every port used here: a "port unreachable" would be seen.
    enterNamespace(RIGHT);
    const listeners = await Promise.all(
      (["udp4", "udp6"] as const).flatMap((family) => [500, 4500, 40_000, 40_001].map((port) => listen(family, port))),
    );
    enterNamespace(LEFT);
    const watcher = new PacketSocket("hwst0", UNPROTECTED_TRAFFIC);
    const seen = (): Uint8Array[] => {
      const packets: Uint8Array[] = [];
      for (let packet = watcher.next(); packet !== undefined; packet = watcher.next()) packets.push(packet);
      return packets;
    };
    const send = async (family: "udp4" | "udp6", from: number, to: number, octets = 100): Promise<void> => {
      const socket = await listen(family, from);
      await new Promise((resolve) => socket.send(new Uint8Array(octets), to, family === "udp4" ? "192.0.2.2" : "fd00::2", resolve));
      await new Promise<void>((resolve) => socket.close(resolve));
    };
    for (const family of ["udp4", "udp6"] as const) {
      await send(family, 4500, 4500);
      await send(family, 500, 500);
      await send(family, 40_000, 4500);
      await send(family, 4500, 40_000);
    }
    assert.deepEqual(seen().map(describePacket), []);

    await send("udp4", 40_000, 40_001);
    await send("udp6", 40_000, 40_001);
    assert.deepEqual(seen().map(describePacket), ["IPv4 17", "IPv6 17"]);

    for (const address of ["192.0.2.2", "fd00::2"]) spawnSync("ping", ["-c", "1", "-W", "2", address]);
    assert.deepEqual(seen().map(describePacket), ["IPv4 1", "IPv4 1", "IPv6 58", "IPv6 58"], "request and answer");

    // Of a fragmented datagram the first part shows its port, the rest does not.
    await send("udp4", 4500, 4500, 2000);
    assert.deepEqual(seen().map(describePacket), ["IPv4 17"]);
    watcher.close();
    for (const listener of listeners) listener.close();
  });

  it("deleting one that is gone is no error", () => {
    deleteNamespace("hwst-never-was");
  });
});

async function listen(type: "udp4" | "udp6", port: number): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: type === "udp6" });
  await new Promise<void>((resolve) => socket.bind(port, resolve));
  return socket;
}

/** "IPv4 17": version and protocol of an Ethernet frame. */
function describePacket(frame: Uint8Array): string {
  const v4 = (frame[14] ?? 0) >> 4 === 4;
  return v4 ? `IPv4 ${frame[23] ?? 0}` : `IPv6 ${frame[20] ?? 0}`;
}
