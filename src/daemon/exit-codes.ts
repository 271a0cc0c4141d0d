/** What the program's exit status tells a script. Documented in README.md and by `hawser --help`. */
export const ExitCode = {
  OK: 0,
  /** Something that should have worked did not; the message says what. */
  FAILURE: 1,
  /** Wrong arguments or a wrong configuration. */
  USAGE: 2,
  /** A privilege, a kernel feature, a library or a program is missing. */
  MISSING: 3,
  /** No daemon answers on the control socket. */
  NOT_RUNNING: 4,
  /** Another daemon has the control socket, the ports or the device. */
  BUSY: 5,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const EXIT_CODE_TEXTS: Readonly<Record<ExitCode, string>> = {
  [ExitCode.OK]: "all went well",
  [ExitCode.FAILURE]: "something that should have worked did not",
  [ExitCode.USAGE]: "wrong arguments or a wrong configuration",
  [ExitCode.MISSING]: "a privilege, a kernel feature, a library or a program is missing",
  [ExitCode.NOT_RUNNING]: "no daemon answers on the control socket",
  [ExitCode.BUSY]: "another program has the control socket, the ports or the device",
};

/** An end of the program with a sentence for its user. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
