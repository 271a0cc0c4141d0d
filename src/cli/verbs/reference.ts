import type { Command } from "commander";
import { configReference } from "../../daemon/config/reference.ts";

export function addReference(program: Command): void {
  program
    .command("reference")
    .summary("print every key of the configuration file")
    .description("Prints every key of the configuration file with its default and meaning, as Markdown.")
    .action(() => console.log(configReference()));
}
