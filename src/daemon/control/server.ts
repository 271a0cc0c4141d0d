/** The control socket's daemon side. Its input is bounded: whoever may open the socket may still not exhaust the daemon. */
import { chmodSync, mkdirSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { dirname } from "node:path";
import { MAX_REQUEST_LENGTH, parseRequest } from "./protocol.ts";
import type { ControlRequest, ControlResponse } from "./protocol.ts";

/** Carries out one request. Rejections become error answers. */
export type RequestHandler = (request: ControlRequest) => Promise<ControlResponse>;

const MAX_CONNECTIONS = 32;
/** Milliseconds that a connection may stay silent between requests. */
const IDLE_TIMEOUT = 60_000;
const OWNER_ONLY = 0o600;
/** For the directory, when it must be made. */
const OWNER_ONLY_DIRECTORY = 0o700;
const PRIVATE_UMASK = 0o177;

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #connections = new Set<Socket>();
  /** By connection: settled when all requests that have come are answered. */
  readonly #answers = new Map<Socket, Promise<void>>();

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Listens at `path`, with mode 0600. The caller has made sure that nobody else does. @throws Error of node:net */
  static async listen(path: string, handler: RequestHandler): Promise<ControlServer> {
    mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
    const server = createServer();
    server.maxConnections = MAX_CONNECTIONS;
    const control = new ControlServer(server, path);
    server.on("connection", (socket) => control.#serve(socket, handler));
    // The mode must be right from the first moment on, not only after chmod.
    const umask = process.umask(PRIVATE_UMASK);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
    } finally {
      process.umask(umask);
    }
    chmodSync(path, OWNER_ONLY);
    return control;
  }

  /** Answers what has been asked, then closes every connection and removes the socket. Called again, it does no more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all(this.#answers.values());
    for (const socket of this.#connections) socket.destroySoon();
    await closed;
    try {
      unlinkSync(this.#path);
    } catch {
      // node:net has removed it already.
    }
  }

  #serve(socket: Socket, handler: RequestHandler): void {
    this.#connections.add(socket);
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#answers.delete(socket);
    });
    // A client that went away is its own affair.
    socket.on("error", () => socket.destroy());
    socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy());
    socket.setEncoding("utf8");
    let pending = "";
    let queue = Promise.resolve();
    socket.on("data", (chunk: string) => {
      pending += chunk;
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > MAX_REQUEST_LENGTH || lines.some((line) => line.length > MAX_REQUEST_LENGTH)) {
        socket.end(encode({ ok: false, error: `A request may have ${MAX_REQUEST_LENGTH} octets at most.` }));
        socket.removeAllListeners("data");
        return;
      }
      for (const line of lines.filter((text) => text.trim() !== "")) {
        queue = queue.then(async () => {
          const answer = await respond(line, handler);
          if (socket.writable) socket.write(encode(answer));
        });
      }
      this.#answers.set(socket, queue);
    });
  }
}

async function respond(line: string, handler: RequestHandler): Promise<ControlResponse> {
  const request = parseRequest(line);
  if (typeof request === "string") return { ok: false, error: request };
  try {
    return await handler(request);
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

function encode(response: ControlResponse): string {
  return `${JSON.stringify(response)}\n`;
}
