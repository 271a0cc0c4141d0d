/** Pings by UDP: as many flows as there are queues to reach from one CPU, which ICMP, having no ports, could not do. */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";

/** Milliseconds. */
const ROUND_INTERVAL = 20;
const ANSWER_PATIENCE = 2000;
/** The longest that a round takes. */
export const ROUND_PATIENCE = ROUND_INTERVAL + ANSWER_PATIENCE;
const PAYLOAD_LENGTH = 56;

/** Answers every datagram with itself, until the process is ended. */
export async function echo(address: string, port: number): Promise<void> {
  const socket = socketFor(address);
  socket.on("message", (octets, { address: from, port: fromPort }) => socket.send(octets, fromPort, from));
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  console.log("ready");
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
}

/** Sends `rounds` datagrams on each of `flows` sockets, a round when the one before is answered or given up, and counts what comes back. */
export async function ping(address: string, port: number, { rounds, flows }: { rounds: number; flows: number }): Promise<PingResult> {
  const sockets = await Promise.all(Array.from({ length: flows }, () => connectedSocket(address, port)));
  let received = 0;
  for (let round = 0; round < rounds; round++) {
    const answers = sockets.map((socket) => answerOf(socket, round));
    received += (await Promise.all(answers)).filter(Boolean).length;
    await new Promise((resolve) => setTimeout(resolve, ROUND_INTERVAL));
  }
  for (const socket of sockets) socket.close();
  return { sent: rounds * flows, received };
}

/** Sends one datagram and tells whether it came back in time. */
function answerOf(socket: Socket, round: number): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (isAnswered: boolean): void => {
      clearTimeout(timer);
      socket.off("message", listen);
      resolve(isAnswered);
    };
    const listen = (octets: Buffer): void => {
      if (octets.readUInt32BE(0) === round) finish(true);
    };
    const timer = setTimeout(() => finish(false), ANSWER_PATIENCE);
    socket.on("message", listen);
    const datagram = Buffer.alloc(PAYLOAD_LENGTH);
    datagram.writeUInt32BE(round, 0);
    socket.send(datagram);
  });
}

/** Connected, because the kernel gives a flow hash only to the packets of such sockets, and the hash chooses among the queues of one CPU. */
function connectedSocket(address: string, port: number): Promise<Socket> {
  const socket = socketFor(address);
  return new Promise((resolve, reject) => {
    // A port unreachable for one datagram is a datagram that was not answered.
    socket.on("error", () => undefined);
    socket.connect(port, address, (error?: Error) => {
      if (error === undefined) resolve(socket);
      else reject(error);
    });
  });
}

function socketFor(address: string): Socket {
  return createSocket(address.includes(":") ? "udp6" : "udp4");
}
