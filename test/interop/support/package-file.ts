import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Path of a file of this project that no compiler copies; the same whether this runs from the sources or from the build. */
export function packageFile(path: string): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    const file = fileURLToPath(new URL(path, folder));
    if (existsSync(file)) return file;
    if (folder.pathname === "/") throw new Error(`${path} is nowhere above ${import.meta.url}`);
  }
}
