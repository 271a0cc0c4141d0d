/** The receiver of one series of records, by UDP or by one TCP stream. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { ArrivalLog, RECORD_LENGTH, type Arrivals } from "./record.ts";

/** Calls `ready` when it listens; resolves at the last record. */
export function receive(transport: "udp" | "tcp", address: string, port: number, ready: () => void): Promise<Arrivals> {
  return transport === "udp" ? receiveDatagrams(address, port, ready) : receiveStream(address, port, ready);
}

function receiveDatagrams(address: string, port: number, ready: () => void): Promise<Arrivals> {
  return new Promise((resolve, reject) => {
    const log = new ArrivalLog();
    const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
    socket.once("error", reject);
    socket.on("message", (record) => {
      if (log.add(record, process.hrtime.bigint())) return;
      socket.close();
      resolve(log.summary());
    });
    socket.bind(port, address, ready);
  });
}

function receiveStream(address: string, port: number, ready: () => void): Promise<Arrivals> {
  return new Promise((resolve, reject) => {
    const log = new ArrivalLog();
    const server = createServer((socket) => {
      let rest: Buffer = Buffer.alloc(0);
      socket.once("error", reject);
      socket.on("data", (octets) => {
        const now = process.hrtime.bigint();
        rest = rest.length === 0 ? octets : Buffer.concat([rest, octets]);
        for (; rest.length >= RECORD_LENGTH; rest = rest.subarray(RECORD_LENGTH)) {
          if (log.add(rest.subarray(0, RECORD_LENGTH), now)) continue;
          socket.end();
          server.close();
          resolve(log.summary());
          return;
        }
      });
    });
    server.once("error", reject);
    server.listen(port, address, ready);
  });
}
