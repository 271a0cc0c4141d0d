/** Transfers through the tunnel, compared octet for octet. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { nodeCommand } from "../../../src/demo/daemon-process.ts";
import { runTool } from "../../../src/demo/traffic-process.ts";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { inNamespace } from "../../../src/host/linux/namespaces.ts";

const PORT = "9009";

/** Sends so many octets over TCP and asserts that the other host got the same ones. */
export async function transfer(from: DemoHost, to: DemoHost, octets: number): Promise<void> {
  const tool = (...parameters: string[]): string[] => nodeCommand("../../test/e2e/support/transfer-main", ...parameters);
  const [command = "", ...parameters] = inNamespace(to.namespace, ...tool("receive", to.innerAddress, PORT));
  const receiver = spawn(command, parameters, { stdio: ["ignore", "pipe", "inherit"] });
  let received = "";
  receiver.stdout.setEncoding("utf8").on("data", (text: string) => (received += text));
  while (!received.includes("ready\n")) await once(receiver.stdout, "data");
  const sent = await runTool(inNamespace(from.namespace, ...tool("send", to.innerAddress, PORT, "seed 1", String(octets))), 60_000);
  if (receiver.exitCode === null) await once(receiver, "close");
  assert.equal(received, `ready\n${sent}`);
}

/** ICMP echo by the system's own ping, one after the other. Returns how many were answered within three seconds. */
export async function icmpPing(from: DemoHost, to: DemoHost, count: number, payload: number, ...options: string[]): Promise<number> {
  // One call for each: of several in one call ping waits for the last answer no longer than the others took.
  const once = ["ping", "-n", "-q", "-c", "1", "-w", "3", "-s", String(payload), ...options, to.innerAddress].join(" ");
  const loop = `n=0; for i in $(seq ${count}); do ${once} >/dev/null 2>&1 && n=$((n+1)); done; echo $n`;
  return Number(await runTool(inNamespace(from.namespace, "sh", "-c", loop), count * 3000));
}
