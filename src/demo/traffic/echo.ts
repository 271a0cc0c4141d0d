/** Pings by UDP: as many flows as there are queues to reach from one CPU, which ICMP, having no ports, could not do. */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";

/** Milliseconds. */
const ROUND_INTERVAL = 20;
const ANSWER_PATIENCE = 1000;
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

/** Sends `rounds` datagrams on each of `flows` sockets and counts what comes back. */
export async function ping(address: string, port: number, { rounds, flows }: { rounds: number; flows: number }): Promise<PingResult> {
  const answered = new Set<string>();
  const sockets = Array.from({ length: flows }, () => socketFor(address));
  let settled = (): void => undefined;
  const complete = new Promise<void>((resolve) => (settled = resolve));
  for (const [flow, socket] of sockets.entries()) {
    socket.on("message", (octets) => {
      answered.add(`${flow} ${octets.readUInt32BE(0)}`);
      if (answered.size === rounds * flows) settled();
    });
  }
  for (let round = 0; round < rounds; round++) {
    const datagram = Buffer.alloc(PAYLOAD_LENGTH);
    datagram.writeUInt32BE(round, 0);
    for (const socket of sockets) socket.send(datagram, port, address);
    await new Promise((resolve) => setTimeout(resolve, ROUND_INTERVAL));
  }
  await Promise.race([complete, new Promise((resolve) => setTimeout(resolve, ANSWER_PATIENCE))]);
  for (const socket of sockets) socket.close();
  return { sent: rounds * flows, received: answered.size };
}

function socketFor(address: string): Socket {
  return createSocket(address.includes(":") ? "udp6" : "udp4");
}
