import type { Command } from "commander";
import { ask } from "../../daemon/control/client.ts";
import type { ControlRequest } from "../../daemon/control/protocol.ts";
import { wholeNumber } from "../arguments.ts";
import { addSocketOptions, controlSocket } from "../control-socket.ts";
import type { SocketOptions } from "../control-socket.ts";

interface TerminateOptions extends SocketOptions {
  readonly ikeId?: number;
  readonly childId?: number;
}

export function addTerminate(program: Command): void {
  addSocketOptions(program.command("terminate"))
    .summary("close a connection, a child, or one SA")
    .description(
      "Closes, with Delete to the peer, all SAs of a connection, those of one of its children, or the one SA that --ike-id or --child-id names.",
    )
    .argument("[connection]", "name of the connection")
    .argument("[child]", "name of the child; the whole connection without it")
    .option("--ike-id <number>", "number of one IKE SA, as status shows it", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option("--child-id <number>", "number of one Child SA, as status shows it", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .action(async (connection: string | undefined, child: string | undefined, options: TerminateOptions, command: Command) => {
      const request = chooseTarget(connection, child, options);
      if (request === undefined) command.error("error: name a connection, or one SA by --ike-id or --child-id, and only one of these");
      const { text } = await ask(controlSocket(options), request);
      console.log(text);
    });
}

function chooseTarget(
  connection: string | undefined,
  child: string | undefined,
  { ikeId, childId }: TerminateOptions,
): (ControlRequest & { verb: `terminate${string}` }) | undefined {
  if ([connection, ikeId, childId].filter((target) => target !== undefined).length !== 1) return undefined;
  if (ikeId !== undefined) return { verb: "terminate-ike", ikeSa: ikeId };
  if (childId !== undefined) return { verb: "terminate-child", childSa: childId };
  return connection === undefined ? undefined : { verb: "terminate", connection, ...(child === undefined ? {} : { child }) };
}
