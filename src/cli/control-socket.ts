/** Which daemon a verb speaks to. */
import type { Command } from "commander";
import { loadConfig } from "../daemon/config/load.ts";
import { DEFAULT_CONTROL_SOCKET } from "../daemon/config/schema.ts";

export interface SocketOptions {
  readonly socket?: string;
  readonly config?: string;
}

/** Adds the two ways to say it. */
export function addSocketOptions(command: Command): Command {
  return command
    .option("-s, --socket <path>", `control socket of the daemon (default: ${DEFAULT_CONTROL_SOCKET})`)
    .option("-c, --config <file>", "take the control socket from this configuration");
}

/** @throws ConfigError */
export function controlSocket({ socket, config }: SocketOptions): string {
  return socket ?? (config === undefined ? DEFAULT_CONTROL_SOCKET : loadConfig(config).daemon.controlSocket);
}
