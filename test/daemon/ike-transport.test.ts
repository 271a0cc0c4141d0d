/** Sockets of local addresses: all of an address or none, and no more addresses than there is room for. */
import { strict as assert } from "node:assert";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { ExitCode, Failure } from "../../src/daemon/exit-codes.ts";
import { IkeTransport } from "../../src/daemon/ike-transport.ts";
import { close } from "../../src/host/linux/libc.ts";
import { SystemCallError } from "../../src/host/linux/system-call-error.ts";
import { openUdpGroup } from "../../src/host/linux/udp.ts";
import { ownNamespace } from "../host/privileges.ts";

const privileged = ownNamespace();

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

function open(addresses: readonly string[], workers = 1): Promise<IkeTransport> {
  return IkeTransport.open({
    addresses,
    ikePort: 500,
    natPort: 4500,
    steering: { mask: 1, multiplier: 3, workers },
    mark: undefined,
    onDatagram: () => undefined,
    onError: (error) => assert.fail(error),
  });
}

describe("an IKE transport", privileged, () => {
  it("leaves nothing open of an address whose second port is taken, and can use it when that is free", async () => {
    const transport = await open(["127.0.0.1"]);
    try {
      const [taken] = openUdpGroup({ address: "127.0.0.2", port: 4500, count: 1, sendBuffer: 4096, receiveBuffer: 4096 }) as [number];
      const before = openDescriptors();
      for (let i = 0; i < 2; i++) await assert.rejects(transport.add("127.0.0.2"), /cannot bind UDP 127\.0\.0\.2:4500: EADDRINUSE/);
      assert.equal(openDescriptors(), before);
      close(taken);
      const added = await transport.add("127.0.0.2");
      assert.deepEqual(
        added.map(({ encapsulation, fds }) => [encapsulation, fds.length]),
        [
          ["udp", 1],
          ["none", 1],
        ],
      );
      assert.deepEqual(await transport.add("127.0.0.2"), [], "they are there");
    } finally {
      transport.close();
    }
  });

  it("leaves nothing open when the kernel refuses the program that steers", async () => {
    const before = openDescriptors();
    // No kernel divides by 0 workers.
    await assert.rejects(open(["127.0.0.3"], 0), (error) => error instanceof SystemCallError && error.code === "EINVAL");
    assert.equal(openDescriptors(), before);
  });

  it("says that there is no room, instead of taking an address that it cannot use", async () => {
    const transport = await open(Array.from({ length: 63 }, (_, index) => `127.0.1.${index + 1}`));
    try {
      const isRefused = (error: unknown): boolean => error instanceof Failure && error.exitCode === ExitCode.USAGE;
      for (let i = 0; i < 2; i++) await assert.rejects(transport.add("127.0.1.64"), isRefused);
      assert.deepEqual(await transport.add("127.0.1.63"), []);
    } finally {
      transport.close();
    }
  });
});
