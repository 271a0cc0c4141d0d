/** `hawser up`: from a checked configuration to the end of the daemon. */
import { probeEngines } from "../dataplane/engines/engines.ts";
import { allowedCpus } from "../host/linux/affinity.ts";
import { IpCommandError } from "../host/linux/iproute.ts";
import { SystemCallError } from "../host/linux/system-call-error.ts";
import { InvalidText } from "../wire/errors.ts";
import type { HawserConfig } from "./config/config.ts";
import { assignCpus } from "./config/cpus.ts";
import { ControlServer } from "./control/server.ts";
import { Daemon } from "./daemon.ts";
import { ExitCode, Failure } from "./exit-codes.ts";
import { InstanceLock } from "./instance-lock.ts";
import type { Logger } from "./log/logger.ts";
import { Operations } from "./operations.ts";
import { requirePrivileges } from "./privileges.ts";
import { requireEngine } from "./require-engine.ts";

/** Runs until a signal, `hawser down` or a fatal error ends it. @throws Failure when it cannot start */
export async function runDaemon(config: HawserConfig, log: Logger): Promise<ExitCode> {
  for (const warning of config.warnings) log.warn(warning);
  requirePrivileges([config.endpoint.ikePort, config.endpoint.natPort]);
  const lock = await InstanceLock.acquire(config.daemon.controlSocket);
  try {
    return await runLocked(config, log);
  } catch (error) {
    throw startFailure(error);
  } finally {
    lock.release();
  }
}

async function runLocked(config: HawserConfig, log: Logger): Promise<ExitCode> {
  const cpus = assignCpus(config.daemon.cpus, allowedCpus());
  requireEngine(config.daemon.engine, probeEngines);
  let exitCode: ExitCode = ExitCode.OK;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const onFatal = (error: Error): void => {
    log.error(`the data plane has failed: ${error.message}`);
    exitCode = ExitCode.FAILURE;
    end();
  };
  let daemon: Daemon | undefined;
  const stop = async (): Promise<void> => {
    end();
    await daemon?.stop();
  };
  // From before the first change to the host: a signal while it starts ends it as soon as it can be taken down.
  const forgetSignals = onSignals(log, () => void stop());
  try {
    const started = (daemon = await Daemon.start({ config, cpus, log, onFatal }));
    const operations = new Operations({
      driver: started.driver,
      status: () => started.status(),
      dataPlaneStatus: () => started.dataPlaneStatus(),
      stop,
    });
    const control = await ControlServer.listen(config.daemon.controlSocket, (request) => operations.handle(request));
    await ended;
    operations.abandon();
    await started.stop();
    await control.close();
  } finally {
    // Reached with an error when the control socket cannot be made.
    await daemon?.stop();
    forgetSignals();
  }
  log.info("ended");
  return exitCode;
}

/** The first signal asks for a clean end; a second one does not wait for it. */
function onSignals(log: Logger, stop: () => void): () => void {
  let isStopping = false;
  const handler = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warn(`${signal} again: ending at once`);
      process.exit(ExitCode.FAILURE);
    }
    isStopping = true;
    log.info(`${signal}: closing all SAs`);
    stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, handler);
  return () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, handler);
  };
}

/** What keeps a daemon from starting, with the exit status that tells a script what kind of trouble it is. */
function startFailure(error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (error instanceof InvalidText) return new Failure(ExitCode.USAGE, error.message, { cause: error });
  if (error instanceof SystemCallError) return new Failure(exitCodeFor(error.code), sentence(error.message), { cause: error });
  if (error instanceof IpCommandError) {
    const isMissing = /not permitted|Permission denied|not installed/.test(error.message);
    return new Failure(isMissing ? ExitCode.MISSING : ExitCode.FAILURE, sentence(error.message), { cause: error });
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof Error && code !== undefined) return new Failure(exitCodeFor(code), sentence(error.message), { cause: error });
  return error;
}

function exitCodeFor(code: string): ExitCode {
  switch (code) {
    case "EADDRINUSE":
    case "EBUSY":
    case "EEXIST":
      return ExitCode.BUSY;
    case "EPERM":
    case "EACCES":
    case "ENODEV":
    case "ENOSYS":
    case "ENOPROTOOPT":
      return ExitCode.MISSING;
    default:
      return ExitCode.FAILURE;
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
