/** What the process may do, looked at before anything is begun. */
import { accessSync, constants, readFileSync } from "node:fs";
import { ExitCode, Failure } from "./exit-codes.ts";

/** Bits of linux/capability.h. */
const CAP_NET_BIND_SERVICE = 10;
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

const TUN_DEVICE = "/dev/net/tun";

/** @throws Failure MISSING with a sentence that says what to do */
export function requirePrivileges(ports: readonly number[]): void {
  if (process.platform !== "linux") throw new Failure(ExitCode.MISSING, `Hawser needs Linux; this is ${process.platform}.`);
  if (!hasCapability(CAP_NET_ADMIN)) {
    throw new Failure(
      ExitCode.MISSING,
      "Making a TUN device and routes needs CAP_NET_ADMIN: run as root (sudo hawser up …), or give the service AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE.",
    );
  }
  if (!hasCapability(CAP_NET_RAW)) {
    throw new Failure(
      ExitCode.MISSING,
      "Receiving ESP that is not in UDP needs CAP_NET_RAW: run as root, or give it to the service (AmbientCapabilities) or the container (--cap-add).",
    );
  }
  const low = ports.filter((port) => port < firstUnprivilegedPort());
  if (low.length > 0 && !hasCapability(CAP_NET_BIND_SERVICE)) {
    throw new Failure(
      ExitCode.MISSING,
      `UDP port ${low.join(" and ")} needs CAP_NET_BIND_SERVICE: run as root, or choose higher ports in daemon.ike_port and daemon.nat_port.`,
    );
  }
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new Failure(
      ExitCode.MISSING,
      (error as NodeJS.ErrnoException).code === "ENOENT"
        ? `There is no ${TUN_DEVICE}: load the module (modprobe tun), or pass the device into the container (--device ${TUN_DEVICE}).`
        : `${TUN_DEVICE} may not be opened: run as root, or give this user access to it.`,
    );
  }
}

function hasCapability(bit: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}

function firstUnprivilegedPort(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  } catch {
    return 1024;
  }
}
