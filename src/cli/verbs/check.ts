import type { Command } from "commander";
import { loadConfig } from "../../daemon/config/load.ts";

export function addCheck(program: Command): void {
  program
    .command("check")
    .summary("check a configuration file")
    .description("Reads a configuration file and tells all that is wrong with it, each with its line. Starts nothing.")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .action(({ config: file }: { readonly config: string }) => {
      const { endpoint, warnings } = loadConfig(file);
      for (const warning of warnings) console.error(`warning: ${warning}`);
      const children = endpoint.connections.reduce((count, connection) => count + connection.children.length, 0);
      console.log(`${file} is fine: connections ${endpoint.connections.length}, children ${children}, secrets ${endpoint.secrets.length}.`);
    });
}
