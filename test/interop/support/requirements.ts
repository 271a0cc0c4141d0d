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

/** False when all is there, else why not: the form that node:test's `skip` takes. @throws Error where nothing may be skipped */
export function missing(...programs: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return skipFor("root is needed for network namespaces");
  const absent = ["ip", ...programs].filter((program) => spawnSync("which", [program]).status !== 0);
  if (absent.length === 0) return false;
  return skipFor(`not installed: apt-get install ${absent.map((program) => PACKAGES[program] ?? program).join(" ")}`);
}

/** The reason back, for a test to be skipped. @throws Error with it where HAWSER_NO_SKIP is set, as in CI: a table of peers that nobody met proves nothing */
export function skipFor(reason: string): string {
  if (process.env["HAWSER_NO_SKIP"] === "1") throw new Error(`This must not be skipped here (HAWSER_NO_SKIP): ${reason}`);
  return reason;
}
