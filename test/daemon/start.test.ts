/** `hawser up` that cannot start, or is told to end while it starts: it ends, and says why. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stringify } from "yaml";
import { writeResolvConf } from "../../src/daemon/resolv-conf.ts";
import { hawserCommand } from "../../src/demo/daemon-process.ts";
import { ownNamespace } from "../host/privileges.ts";

const privileged = ownNamespace();
const TUN = "hwst-start";
/** Milliseconds: a daemon that does not end by itself hangs. */
const PATIENCE = 30_000;

interface Run {
  readonly directory: string;
  readonly log: () => string;
  /** Resolves when it has logged this. */
  readonly said: (text: string) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** @param path directory of programs that go before those of the system */
async function withDaemon(daemon: (directory: string) => object, check: (run: Run) => Promise<void>, path?: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-start-"));
  const config = {
    connections: {
      c: {
        local_addrs: "127.0.0.1",
        remote_addrs: "127.0.0.2",
        local: { id: "a.example" },
        remote: { id: "b.example" },
        children: { net: { local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" } },
      },
    },
    secrets: { "ike-b": { secret: "sixteen octets.." } },
    daemon: { control_socket: join(directory, "h.sock"), tun: { name: TUN }, cpus: 1, ...daemon(directory) },
  };
  const file = join(directory, "h.yaml");
  writeFileSync(file, stringify(config), { mode: 0o600 });
  const [command = "", ...parameters] = hawserCommand("up", "-c", file);
  const env = { ...process.env, PATH: [path, process.env["PATH"]].filter((part) => part !== undefined).join(":") };
  const child = spawn(command, parameters, { stdio: ["ignore", "ignore", "pipe"], env });
  let log = "";
  const waiting = new Set<() => void>();
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("close", (status, signal) => resolve({ status, signal })),
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (log.includes(text)) resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`it ended and never said "${text}":\n${log}`)));
    });
  try {
    await check({ directory, log: () => log, said, kill: (signal) => child.kill(signal), ended });
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true });
  }
}

describe("hawser up", privileged, () => {
  it("ends with a sentence where it cannot write its key log", async () => {
    // A file is no directory, not even for root.
    await withDaemon(
      (directory) => ({ key_log: join(directory, "h.yaml", "keys") }),
      async ({ ended, log }) => {
        assert.deepEqual(await ended, { status: 1, signal: null }, log());
        assert.match(log(), /^hawser: The keys cannot be written to daemon\.key_log, \S+: ENOTDIR.+\.\n$/);
      },
    );
  });

  it("stops its workers where it fails after they have started", async () => {
    const programs = mkdtempSync(join(tmpdir(), "hawser-ip-"));
    // Addresses cannot be listed any more once the device is there.
    const script = `#!/bin/sh
PATH=\${PATH#*:}
case "$*" in *"address show"*) if ip link show ${TUN} >&- 2>&-; then echo "No buffer space available" >&2; exit 1; fi;; esac
exec ip "$@"
`;
    writeFileSync(join(programs, "ip"), script, { mode: 0o755 });
    try {
      await withDaemon(
        () => ({}),
        async ({ ended, log }) => {
          assert.deepEqual(await ended, { status: 1, signal: null }, log());
          assert.equal(log(), "hawser: Cannot list addresses: No buffer space available.\n");
        },
        programs,
      );
    } finally {
      rmSync(programs, { recursive: true });
    }
  });

  it("leaves no DNS servers of an earlier run in daemon.resolv_conf, nor of its own", async () => {
    await withDaemon(
      (directory) => ({ resolv_conf: join(directory, "resolv.conf") }),
      async ({ directory, ended, said, kill, log }) => {
        const file = join(directory, "resolv.conf");
        const servers = (): string[] => readFileSync(file, "utf8").split("\n").slice(1);
        await said("up on 127.0.0.1");
        assert.deepEqual(servers(), [""], "it is made without any");
        writeResolvConf(file, ["10.2.0.53"]);
        kill("SIGTERM");
        assert.deepEqual(await ended, { status: 0, signal: null }, log());
        assert.deepEqual(servers(), [""]);
      },
    );
  });

  it("ends cleanly at a signal that comes while it starts", async () => {
    await withDaemon(
      (directory) => ({ key_log: join(directory, "keys") }),
      async ({ ended, said, kill, log }) => {
        // Said before anything else is begun.
        await said("all keys are written to");
        kill("SIGTERM");
        assert.deepEqual(await ended, { status: 0, signal: null }, log());
        assert.match(log(), /SIGTERM: closing all SAs[^]+ended\n$/);
      },
    );
  });
});
