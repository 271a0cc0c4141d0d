/** The kernel's check that packets come in by the device that their sender is reached through (rp_filter in its ip-sysctl.rst). IPv4 alone has it. */
import { readFileSync } from "node:fs";

const STRICT = "1";

/** Whether packets to a device are dropped if the best way back is another device: the larger value of "all" and the device's own counts. */
export function isStrict(device: string): boolean {
  const values = ["all", device].map(read).sort();
  return values.at(-1) === STRICT;
}

/** "0": off, also where there is no such device; "1": strict; "2": loose. */
function read(name: string): string {
  try {
    return readFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, "utf8").trim();
  } catch {
    return "0";
  }
}
