import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask } from "../../../src/daemon/control/client.ts";
import type { ControlRequest, ControlResponse } from "../../../src/daemon/control/protocol.ts";
import { MAX_REQUEST_LENGTH } from "../../../src/daemon/control/protocol.ts";
import { ControlServer } from "../../../src/daemon/control/server.ts";
import { ExitCode } from "../../../src/daemon/exit-codes.ts";

function socketPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-control-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "run", "hawser.sock");
}

async function serve(
  t: TestContext,
  handler: (request: ControlRequest) => Promise<ControlResponse>,
): Promise<{ path: string; server: ControlServer }> {
  const path = socketPath(t);
  const server = await ControlServer.listen(path, handler);
  t.after(() => server.close());
  return { path, server };
}

/** Sends text as it is and returns all that comes back until the other side closes, or `lines` of it have come. */
function talk(path: string, text: string, lines = Infinity): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
      if (answer.split("\n").length > lines) socket.destroy();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const echo = (request: ControlRequest): Promise<ControlResponse> =>
  Promise.resolve({ ok: true, result: { text: JSON.stringify(request) } });

test("a request is answered, and the socket is its owner's alone", async (t) => {
  const { path } = await serve(t, echo);
  const { text } = await ask(path, { verb: "initiate", connection: "west" });
  assert.deepEqual(JSON.parse(text), { verb: "initiate", connection: "west" });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("a daemon's refusal reaches the asker as a failure", async (t) => {
  const { path } = await serve(t, () => Promise.resolve({ ok: false, error: "There is no connection x." }));
  await assert.rejects(ask(path, { verb: "terminate", connection: "x" }), {
    exitCode: ExitCode.FAILURE,
    message: "There is no connection x.",
  });
});

test("a handler that fails is an error answer, not the end of the server", async (t) => {
  const { path } = await serve(t, () => Promise.reject(new Error("out of luck")));
  await assert.rejects(ask(path, { verb: "status" }), { exitCode: ExitCode.FAILURE, message: "out of luck" });
  await assert.rejects(ask(path, { verb: "status" }), { message: "out of luck" });
});

test("answers come in the order of the requests of a connection", async (t) => {
  let delay = 30;
  const { path } = await serve(t, async (request) => {
    await new Promise((resolve) => setTimeout(resolve, (delay -= 10)));
    return echo(request);
  });
  const lines = [1, 2, 3].map((childSa) => JSON.stringify({ verb: "rekey-child", childSa }));
  const answers = (await talk(path, `${lines.join("\n")}\n`, 3)).trim().split("\n");
  const order = answers.map(
    (line) => (JSON.parse((JSON.parse(line) as { result: { text: string } }).result.text) as { childSa: number }).childSa,
  );
  assert.deepEqual(order, [1, 2, 3]);
});

test("garbage is answered with an error and the connection goes on", async (t) => {
  const { path } = await serve(t, echo);
  const [first, second] = (await talk(path, 'what?\n{"verb":"stats"}\n', 2))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ControlResponse);
  assert.deepEqual(first, { ok: false, error: "The request is not JSON." });
  assert.equal(second?.ok, true);
});

test("a request without end is cut off", async (t) => {
  const { path } = await serve(t, echo);
  const answer = JSON.parse(await talk(path, "x".repeat(MAX_REQUEST_LENGTH + 1))) as ControlResponse;
  assert.deepEqual(answer, { ok: false, error: `A request may have ${MAX_REQUEST_LENGTH} octets at most.` });
});

test("closing answers what is under way and removes the socket", async (t) => {
  let closing: Promise<void> | undefined;
  const { path, server } = await serve(t, (request) => {
    // As the daemon does for `down`: the answer is ready, then everything is closed.
    setImmediate(() => void (closing = server.close()));
    return echo(request);
  });
  assert.deepEqual(JSON.parse((await ask(path, { verb: "down" })).text), { verb: "down" });
  await closing;
  assert.equal(existsSync(path), false);
});

test("nobody there is told apart from somebody else there", async (t) => {
  const path = socketPath(t);
  await assert.rejects(ask(path, { verb: "status" }), { exitCode: ExitCode.NOT_RUNNING });
  const { path: other, server } = await serve(t, echo);
  await server.close();
  const stranger = createServer((socket) => socket.end("220 smtp.example\n"));
  await new Promise<void>((resolve) => stranger.listen(other, resolve));
  t.after(() => stranger.close());
  await assert.rejects(ask(other, { verb: "status" }), { exitCode: ExitCode.FAILURE, message: /does not answer as a Hawser daemon does/ });
});
