/** A TCP transfer whose every octet counts. `send ADDRESS PORT SEED OCTETS` or `receive ADDRESS PORT`: each prints the SHA-256 of what went by. */
import { createHash } from "node:crypto";
import { createConnection, createServer } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { seededEntropy } from "../../../src/crypto/entropy.ts";

const CHUNK = 64 * 1024;

const [role, address = "", port = "", seed = "", octets = ""] = process.argv.slice(2);
if (role === "send") await send(Number(octets));
else await receive();

async function send(total: number): Promise<void> {
  const entropy = seededEntropy(seed);
  const hash = createHash("sha256");
  function* chunks(): Generator<Uint8Array> {
    for (let left = total; left > 0; left -= CHUNK) {
      const chunk = entropy.bytes(Math.min(left, CHUNK));
      hash.update(chunk);
      yield chunk;
    }
  }
  await pipeline(Readable.from(chunks()), createConnection({ host: address, port: Number(port) }));
  process.stdout.write(`${hash.digest("hex")}\n`);
}

async function receive(): Promise<void> {
  const server = createServer((socket) => {
    const hash = createHash("sha256");
    socket.on("data", (chunk) => hash.update(chunk));
    socket.on("end", () => {
      process.stdout.write(`${hash.digest("hex")}\n`);
      server.close();
    });
  });
  await new Promise<void>((resolve) => server.listen(Number(port), address, resolve));
  process.stdout.write("ready\n");
}
