/** The watching thread: see link-watch.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { enterNamespace } from "../host/linux/namespaces.ts";
import { PacketSocket, UNPROTECTED_TRAFFIC } from "../host/linux/packet-socket.ts";
import type { LinkWatchMessage, LinkWatchSetup } from "./link-watch.ts";

/** Milliseconds between two looks; the kernel keeps what comes meanwhile. */
const INTERVAL = 20;
const MAX_EXAMPLES = 3;
/** Octets of an example: Ethernet, IP and transport header. */
const EXAMPLE_LENGTH = 60;

const say = (message: LinkWatchMessage): void => parentPort?.postMessage(message);

try {
  const { namespace, device } = workerData as LinkWatchSetup;
  enterNamespace(namespace);
  watch(new PacketSocket(device, UNPROTECTED_TRAFFIC));
  say({ kind: "watching" });
} catch (error) {
  say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}

function watch(socket: PacketSocket): void {
  let packets = 0;
  const examples: string[] = [];
  const look = (): void => {
    for (let packet = socket.next(); packet !== undefined; packet = socket.next()) {
      packets++;
      if (examples.length < MAX_EXAMPLES) examples.push(Buffer.from(packet.subarray(0, EXAMPLE_LENGTH)).toString("hex"));
    }
  };
  const timer = setInterval(look, INTERVAL);
  parentPort?.once("message", () => {
    clearInterval(timer);
    look();
    socket.close();
    say({ kind: "seen", packets, examples });
  });
}
