/** A plain TCP sender and its receiver, for machines without iperf3. */
import { createConnection, createServer } from "node:net";

const CHUNK = Buffer.alloc(256 * 1024);

/** Swallows what it is sent and tells each sender at its end how much that was. Runs until the process is ended. */
export async function sink(address: string, port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let octets = 0;
    socket.on("data", ({ length }) => (octets += length));
    socket.on("end", () => socket.end(String(octets)));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  console.log("ready");
}

export interface StreamResult {
  /** Octets that the receiver has got, and seconds that it took. */
  readonly octets: number;
  readonly seconds: number;
}

/** Sends as much as it can for so many seconds. @throws Error of node:net */
export function source(address: string, port: number, seconds: number): Promise<StreamResult> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address, port, allowHalfOpen: true });
    let receipt = "";
    let begun = 0;
    const deadline = (): boolean => performance.now() - begun >= seconds * 1000;
    const pump = (): void => {
      do {
        if (deadline()) {
          socket.end();
          return;
        }
      } while (socket.write(CHUNK));
    };
    socket.on("connect", () => {
      begun = performance.now();
      socket.on("drain", pump);
      pump();
    });
    socket.setEncoding("utf8").on("data", (text: string) => (receipt += text));
    socket.on("end", () => resolve({ octets: Number(receipt), seconds: (performance.now() - begun) / 1000 }));
    socket.on("error", reject);
  });
}
