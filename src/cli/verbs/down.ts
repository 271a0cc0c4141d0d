import type { Command } from "commander";
import { ask } from "../../daemon/control/client.ts";
import { addSocketOptions, controlSocket } from "../control-socket.ts";
import type { SocketOptions } from "../control-socket.ts";

export function addDown(program: Command): void {
  addSocketOptions(program.command("down"))
    .summary("end the running daemon cleanly")
    .description("Ends the daemon: peers are told (Delete), routes and the TUN device are removed. Returns when that is done.")
    .action(async (options: SocketOptions) => {
      const { text } = await ask(controlSocket(options), { verb: "down" });
      console.log(text);
    });
}
