/** The control socket's other side: asks a running daemon. */
import { createConnection } from "node:net";
import { ExitCode, Failure } from "../exit-codes.ts";
import type { ControlRequest, ControlResponse, ControlResults } from "./protocol.ts";

/** Octets; no answer of a daemon of ours is longer. */
const MAX_ANSWER_LENGTH = 256 * 1024 * 1024;
/** Milliseconds beyond what the request itself may wait for. */
const ANSWER_TIMEOUT = 15_000;

/**
 * Sends one request and returns its result.
 *
 * @throws Failure NOT_RUNNING when nobody listens, FAILURE with the daemon's sentence when it refuses
 */
export async function ask<Request extends ControlRequest>(path: string, request: Request): Promise<ControlResults[Request["verb"]]> {
  const timeout = ANSWER_TIMEOUT + (("wait" in request ? request.wait : undefined) ?? 0);
  const line = await exchange(path, `${JSON.stringify(request)}\n`, timeout);
  let response: ControlResponse<Request["verb"]>;
  try {
    response = JSON.parse(line) as ControlResponse<Request["verb"]>;
  } catch {
    throw new Failure(ExitCode.FAILURE, `What listens on ${path} does not answer as a Hawser daemon does.`);
  }
  if (!response.ok) throw new Failure(ExitCode.FAILURE, response.error);
  return response.result;
}

function exchange(path: string, request: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (failure: Failure): void => {
      socket.destroy();
      reject(failure);
    };
    let answer = "";
    socket.setEncoding("utf8");
    socket.setTimeout(timeout, () =>
      fail(new Failure(ExitCode.FAILURE, `The daemon at ${path} did not answer within ${timeout / 1000} s.`)),
    );
    socket.on("connect", () => socket.write(request));
    socket.on("data", (chunk: string) => {
      answer += chunk;
      const end = answer.indexOf("\n");
      if (end >= 0) {
        socket.destroy();
        resolve(answer.slice(0, end));
      } else if (answer.length > MAX_ANSWER_LENGTH) {
        fail(new Failure(ExitCode.FAILURE, `The answer of the daemon at ${path} has no end.`));
      }
    });
    socket.on("end", () => fail(new Failure(ExitCode.FAILURE, `The daemon at ${path} ended before it answered.`)));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(connectionFailure(path, error)));
  });
}

function connectionFailure(path: string, error: NodeJS.ErrnoException): Failure {
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new Failure(
        ExitCode.NOT_RUNNING,
        `No daemon listens on ${path}; start one with: hawser up -c FILE (or name its socket with --socket).`,
      );
    case "EACCES":
      return new Failure(ExitCode.MISSING, `You may not open ${path}; run this as the user who started the daemon.`);
    default:
      return new Failure(ExitCode.FAILURE, `The daemon at ${path} cannot be asked: ${error.message}.`);
  }
}

/** Whether some process accepts connections there. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
