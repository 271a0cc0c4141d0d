/** What the machine must have for a test, and the sentence with which a test is skipped without it. */
import { spawnSync } from "node:child_process";

/** Programs by the Debian package that has them. */
const PACKAGES: Readonly<Record<string, string>> = {
  tshark: "tshark",
  tcpdump: "tcpdump",
  iperf3: "iperf3",
  ip: "iproute2",
  nft: "nftables",
  sysctl: "procps",
};

/** False when all is there, else why not: the form that node:test's `skip` takes. */
export function missing(...programs: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return "root is needed for network namespaces";
  const absent = ["ip", ...programs].filter((program) => spawnSync("which", [program]).status !== 0);
  if (absent.length === 0) return false;
  return `not installed: apt-get install ${absent.map((program) => PACKAGES[program] ?? program).join(" ")}`;
}
