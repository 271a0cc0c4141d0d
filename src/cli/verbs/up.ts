import type { Command } from "commander";
import { Option } from "commander";
import { loadConfig } from "../../daemon/config/load.ts";
import { createLogger } from "../../daemon/log/logger.ts";
import type { LogFormat } from "../../daemon/log/logger.ts";

interface UpOptions {
  readonly config: string;
  readonly logFormat: LogFormat;
  readonly logLevel?: string;
}

export function addUp(program: Command): void {
  program
    .command("up")
    .summary("run the daemon")
    .description("Runs the daemon in the foreground until SIGINT, SIGTERM or `hawser down`. Logs go to standard error.")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .addOption(new Option("--log-level <level>", "least severe messages to log").choices(["error", "warn", "info", "debug", "trace"]))
    .addOption(new Option("--log-format <format>", "for people or for programs").choices(["human", "json"]).default("human"))
    .action(async ({ config: file, logFormat, logLevel }: UpOptions) => {
      const config = loadConfig(file);
      // Only here: no other verb needs the foreign libraries behind it, nor the time that they take to load.
      const { runDaemon } = await import("../../daemon/run.ts");
      process.exitCode = await runDaemon(config, createLogger(logLevel ?? config.daemon.logLevel, logFormat));
    });
}
