/** Running iproute2's `ip`, without a shell. */
import { spawnSync } from "node:child_process";

const INSTALL = "iproute2 is not installed (Debian and Ubuntu: apt-get install iproute2)";

/** `ip` refused. The message is a sentence with ip's own words in it. */
export class IpCommandError extends Error {
  /** What ip wrote to its standard error. */
  readonly said: string;

  constructor(what: string, said: string) {
    const advice = /not permitted|Permission denied/.test(said) ? " – run as root, or give the process CAP_NET_ADMIN" : "";
    super(`cannot ${what}: ${said}${advice}`);
    this.name = "IpCommandError";
    this.said = said;
  }
}

export class Iproute {
  readonly #prefix: readonly string[];

  /** @param namespace network namespace (`ip netns`) to work in; undefined = the process' own */
  constructor(namespace?: string) {
    this.#prefix = namespace === undefined ? [] : ["-n", namespace];
  }

  /**
   * Runs `ip ARGUMENTS` and returns its output.
   *
   * @param what what that does, for the error's sentence, e.g. "add the route 10.2.0.0/16"
   * @throws IpCommandError
   */
  run(what: string, ...parameters: readonly string[]): string {
    const { error, status, stdout, stderr } = spawnSync("ip", [...this.#prefix, ...parameters], {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error !== undefined) throw new IpCommandError(what, (error as NodeJS.ErrnoException).code === "ENOENT" ? INSTALL : error.message);
    if (status !== 0) throw new IpCommandError(what, saidBy(stderr));
    return stdout;
  }

  /** The same for a query: `ip -json ARGUMENTS`, whose output is a list of objects. ip writes nothing at all for an empty one. */
  query(what: string, ...parameters: readonly string[]): readonly IpObject[] {
    const output = this.run(what, "-json", "-details", ...parameters).trim();
    return output === "" ? [] : (JSON.parse(output) as IpObject[]).filter((object) => Object.keys(object).length > 0);
  }
}

/** One object of ip's JSON output. */
export type IpObject = Readonly<Record<string, unknown>>;

/** "RTNETLINK answers: File exists" → "File exists"; several lines become one. */
function saidBy(stderr: string): string {
  return stderr
    .split("\n")
    .map((line) => line.replace(/^(RTNETLINK answers|Error): /, "").trim())
    .filter((line) => line !== "")
    .join("; ");
}
