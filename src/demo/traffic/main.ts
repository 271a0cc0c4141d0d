/**
 * Traffic tools of the demonstration, each a process on one host and pinned to one CPU. Arguments: a role, then what it needs; the result is one
 * line of JSON. Where iperf3 is installed it does the bulk transfers instead.
 */
import { pinThread } from "../../host/linux/affinity.ts";
import { echo, ping } from "./echo.ts";
import { sink, source } from "./stream.ts";

const [role, cpu = "", address = "", port = "", amount = "", flows = ""] = process.argv.slice(2);
if (cpu !== "any") pinThread(Number(cpu));

switch (role) {
  case "echo":
    await echo(address, Number(port));
    break;
  case "ping":
    console.log(JSON.stringify(await ping(address, Number(port), { rounds: Number(amount), flows: Number(flows) })));
    break;
  case "sink":
    await sink(address, Number(port));
    break;
  case "source":
    console.log(JSON.stringify(await source(address, Number(port), Number(amount))));
    break;
  default:
    throw new Error(`there is no role ${role ?? ""}`);
}
