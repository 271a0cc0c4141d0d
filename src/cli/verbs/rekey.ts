import type { Command } from "commander";
import { ask } from "../../daemon/control/client.ts";
import { wholeNumber } from "../arguments.ts";
import { addSocketOptions, controlSocket } from "../control-socket.ts";
import type { SocketOptions } from "../control-socket.ts";

interface RekeyOptions extends SocketOptions {
  readonly ikeId?: number;
  readonly childId?: number;
}

export function addRekey(program: Command): void {
  addSocketOptions(program.command("rekey"))
    .summary("rekey one SA now")
    .option("--ike-id <number>", "number of the IKE SA, as status shows it", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option("--child-id <number>", "number of the Child SA, as status shows it", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .action(async ({ ikeId, childId, ...socket }: RekeyOptions, command: Command) => {
      if ((ikeId === undefined) === (childId === undefined)) command.error("error: name one SA, by --ike-id or by --child-id");
      const { text } =
        ikeId !== undefined
          ? await ask(controlSocket(socket), { verb: "rekey-ike", ikeSa: ikeId })
          : await ask(controlSocket(socket), { verb: "rekey-child", childSa: childId ?? 0 });
      console.log(text);
    });
}
