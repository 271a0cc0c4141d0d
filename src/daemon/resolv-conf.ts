/** A file in the form of resolv.conf(5) with the DNS servers that peers have told us of, for whoever wants to use it: `daemon.resolv_conf`. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const HEADING = "# Written by hawser: DNS servers that peers have told of. Changes are lost.";

/**
 * Replaces the file as a whole, so that nobody reads half of it; without servers it holds the heading alone.
 *
 * @throws Error, a sentence: the file cannot be written, or is somebody else's, which is left as it is
 */
export function writeResolvConf(path: string, servers: readonly string[]): void {
  if (!isOurs(path)) throw new Error(`${path} was not written by hawser and stays as it is; give daemon.resolv_conf another path`);
  const temporary = `${path}.hawser`;
  try {
    writeFileSync(temporary, [HEADING, ...servers.map((server) => `nameserver ${server}`), ""].join("\n"), { mode: 0o644 });
    renameSync(temporary, path);
  } catch (error) {
    throw new Error(`the DNS servers cannot be written to ${path}: ${(error as NodeJS.ErrnoException).message}`, { cause: error });
  }
}

function isOurs(path: string): boolean {
  try {
    return readFileSync(path, "utf8").startsWith(HEADING);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
