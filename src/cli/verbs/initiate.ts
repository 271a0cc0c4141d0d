import type { Command } from "commander";
import { ask } from "../../daemon/control/client.ts";
import { addSocketOptions, controlSocket } from "../control-socket.ts";
import type { SocketOptions } from "../control-socket.ts";
import { wholeNumber } from "../arguments.ts";

interface InitiateOptions extends SocketOptions {
  readonly wait: number;
}

export function addInitiate(program: Command): void {
  addSocketOptions(program.command("initiate"))
    .summary("bring up a connection or one of its children")
    .argument("<connection>", "name of the connection")
    .argument("[child]", "name of the child; all of them without it")
    .option("--wait <seconds>", "how long to wait until it is up; 0: not at all", wholeNumber(0, 600), 30)
    .action(async (connection: string, child: string | undefined, options: InitiateOptions) => {
      const request = { verb: "initiate", connection, ...(child === undefined ? {} : { child }), wait: options.wait * 1000 } as const;
      const { text } = await ask(controlSocket(options), request);
      console.log(text);
    });
}
