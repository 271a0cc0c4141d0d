import type { Command } from "commander";
import { ask } from "../../daemon/control/client.ts";
import { addSocketOptions, controlSocket } from "../control-socket.ts";
import type { SocketOptions } from "../control-socket.ts";
import { formatStatus } from "../format/status-report.ts";

interface StatusOptions extends SocketOptions {
  readonly json?: true;
}

export function addStatus(program: Command): void {
  addSocketOptions(program.command("status"))
    .summary("show SAs, counters and drops of the running daemon")
    .description(
      "Shows each connection with its IKE SAs, and each child with its Child SAs: CPU, SPIs, packets, octets and state, why a CPU has no SA of its own, and what was dropped and why.",
    )
    .option("--json", "one JSON object")
    .action(async (options: StatusOptions) => {
      const status = await ask(controlSocket(options), { verb: "status" });
      process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : formatStatus(status));
    });
}
