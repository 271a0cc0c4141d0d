/**
 * One end of a migrating application as a process: `send|receive udp|tcp ADDRESS PORT [SECONDS RATE MOVE_EVERY]`. It says "ready" first; a sender then
 * waits for the end of its standard input. Its result is one line of JSON.
 */
import { once } from "node:events";
import { receive } from "./receiver.ts";
import { send } from "./sender.ts";

const [role, transport, address = "", port = "", seconds = "", rate = "", moveEvery = ""] = process.argv.slice(2);
if (transport !== "udp" && transport !== "tcp") throw new Error(`there is no transport ${String(transport)}`);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

switch (role) {
  case "receive":
    say(JSON.stringify(await receive(transport, address, Number(port), () => say("ready"))));
    break;
  case "send": {
    const pace = { seconds: Number(seconds), rate: Number(rate), moveEvery: Number(moveEvery) };
    const starting = async (): Promise<void> => {
      say("ready");
      await once(process.stdin.resume(), "end");
    };
    say(JSON.stringify(await send(transport, address, Number(port), pace, starting)));
    break;
  }
  default:
    throw new Error(`there is no role ${String(role)}`);
}
