/** Rounds without anything after which a socket is taken for one that nobody uses. */
const QUIET_AFTER = 64;
/** Rounds between two looks at such a socket. */
const LOOK_EVERY = 16;

/**
 * Which sockets a round of the worker looks at. A look is a system call, and most tunnels use one of the sockets alone, for ESP in UDP or without
 * at one of the host's addresses: those that were dry for long are looked at now and then. Nothing waits for that in a worker with time to
 * spare, since poll(2) tells which socket has something.
 */
export class SocketTurns {
  /** By socket: rounds since it last had something. */
  readonly #dry: number[] = [];

  isDue(socket: number): boolean {
    const dry = this.#dry[socket] ?? 0;
    if (dry < QUIET_AFTER || dry % LOOK_EVERY === 0) return true;
    this.#dry[socket] = dry + 1;
    return false;
  }

  /** It was looked at. */
  note(socket: number, hadSomething: boolean): void {
    this.#dry[socket] = hadSomething ? 0 : (this.#dry[socket] ?? 0) + 1;
  }

  /** It has something, a packet or an error: the next round looks at it. */
  wake(socket: number): void {
    this.#dry[socket] = 0;
  }
}
