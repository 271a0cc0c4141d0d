/** The program's version, from its package. */
import { readFileSync } from "node:fs";

/** Sources lie two folders below the package, what is built from them three. */
const CANDIDATES = ["../../package.json", "../../../package.json"];

export const VERSION = readVersion();

function readVersion(): string {
  for (const candidate of CANDIDATES) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(candidate, import.meta.url), "utf8")) as { name?: string; version?: string };
      if (manifest.name === "hawser" && manifest.version !== undefined) return manifest.version;
    } catch {
      // Not there: the other one is.
    }
  }
  return "unknown";
}
