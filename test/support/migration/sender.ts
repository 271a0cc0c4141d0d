/** An application whose thread the scheduler moves: sends records at an even pace and changes its CPU at an even pace too. */
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { once } from "node:events";
import { allowedCpus, pinThread } from "../../../src/host/linux/affinity.ts";
import { encodeRecord, LAST } from "./record.ts";

export interface Pace {
  /** Of sending. */
  readonly seconds: number;
  /** Records per second. */
  readonly rate: number;
  /** Milliseconds between two moves to another CPU. */
  readonly moveEvery: number;
}

export interface Sent {
  readonly sent: number;
  readonly moves: number;
}

type Send = (record: Buffer) => void;

/**
 * UDP sends at once, in the thread that was moved; so does TCP as long as the socket takes it. `starting` is called when everything but the sending is
 * done; the first record goes when it resolves.
 */
export async function send(
  transport: "udp" | "tcp",
  address: string,
  port: number,
  pace: Pace,
  starting: () => Promise<void>,
): Promise<Sent> {
  if (transport === "udp") {
    const socket = createSocket("udp4");
    socket.connect(port, address);
    await once(socket, "connect");
    await starting();
    const result = await keepPace((record) => socket.send(record), pace);
    // The end may be lost like any other datagram; once it is not, the receiver is gone and its host says so.
    socket.on("error", () => undefined);
    for (let i = 0; i < 20; i++) {
      socket.send(encodeRecord(LAST, 0n));
      await pause(20);
    }
    socket.close();
    return result;
  }
  const socket = createConnection({ host: address, port, noDelay: true });
  await once(socket, "connect");
  await starting();
  const result = await keepPace((record) => socket.write(record), pace);
  socket.end(encodeRecord(LAST, 0n));
  await once(socket, "close");
  return result;
}

async function keepPace(send: Send, { seconds, rate, moveEvery }: Pace): Promise<Sent> {
  const cpus = allowedCpus();
  const start = performance.now();
  let [sent, moves] = [0, 0];
  for (;;) {
    const elapsed = performance.now() - start;
    if (elapsed >= seconds * 1000) return { sent, moves };
    if (elapsed >= moves * moveEvery) pinThread(cpus[moves++ % cpus.length] ?? 0);
    for (const due = (elapsed * rate) / 1000; sent < due; sent++) send(encodeRecord(sent, process.hrtime.bigint()));
    await pause(1);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
