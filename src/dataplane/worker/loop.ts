import { poll } from "../../host/linux/libc.ts";
import { drainWake, signalWake } from "../../host/linux/wake.ts";
import type { WorkerContext } from "./context.ts";
import type { RingConsumer } from "./handoff-ring.ts";
import { KIND_OUTBOUND, RECORD_KIND } from "./handoff-ring.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";

const POLLIN = 1;
const POLLERR_HUP_NVAL = 8 | 16 | 32;
/** How often a worker that holds packets looks whether they have waited too long. */
const HOLD_TICK_MS = 100;
/** Records of the hand-off ring in one round, so that the sockets get their turn. */
const RING_BURST = 64;

/** What control may ask of the loop between two bursts. */
export interface LoopControl {
  /** Applies waiting messages; false = stop. */
  applyMessages(): boolean;
}

/**
 * The worker's life: drain every source in bounded bursts, sleep in poll(2) when all are dry. It never returns to the JavaScript event loop
 * while it runs; control's messages are taken when the doorbell rings.
 */
export class WorkerLoop {
  readonly #c: WorkerContext;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #ring: RingConsumer;
  readonly #wakeFds: readonly number[];
  readonly #touched: Set<number>;
  readonly #control: LoopControl;
  readonly #now = (): number => performance.now();

  constructor(
    context: WorkerContext,
    inbound: Inbound,
    outbound: Outbound,
    ring: RingConsumer,
    wakeFds: readonly number[],
    touched: Set<number>,
    control: LoopControl,
  ) {
    this.#c = context;
    this.#inbound = inbound;
    this.#outbound = outbound;
    this.#ring = ring;
    this.#wakeFds = wakeFds;
    this.#touched = touched;
    this.#control = control;
  }

  /** Runs until control says stop. @throws Error when the TUN device is gone. */
  run(): void {
    const { sockets } = this.#c;
    this.preparePoll();
    for (;;) {
      if (this.#ring.takeDoorbell() && !this.#control.applyMessages()) return;
      let busy = this.#drainRing();
      for (let i = 0; i < sockets.length; i++) busy = this.#inbound.poll(i) || busy;
      busy = this.#outbound.poll(this.#now) || busy;
      if (this.#touched.size > 0) this.#wakeOthers();
      if (this.#outbound.holding) this.#outbound.expireHeld(this.#now());
      if (!busy) this.#sleep();
    }
  }

  #drainRing(): boolean {
    const { u32 } = this.#c;
    let taken = 0;
    let record = this.#ring.next();
    while (record !== 0) {
      if (u32[(record + RECORD_KIND) >> 2] === KIND_OUTBOUND) {
        while (!this.#outbound.takeHandedOn(record)) this.#runBoth();
      } else {
        this.#inbound.takeHandedOn(record);
      }
      record = ++taken < RING_BURST ? this.#ring.next() : 0;
    }
    if (taken === 0) return false;
    this.#runBoth();
    // Only now: packets were worked on where they lie.
    this.#ring.release();
    return true;
  }

  /** Inbound first: what it has prepared stands in the job list that sealing will use. */
  #runBoth(): void {
    this.#inbound.run();
    this.#outbound.run(this.#now);
  }

  #wakeOthers(): void {
    for (const index of this.#touched) {
      const fd = this.#wakeFds[index];
      if (fd !== undefined && this.#c.rings[index]?.claimWake() === true) signalWake(fd);
    }
    this.#touched.clear();
  }

  /** pollfd records: wake, TUN, sockets. Again when a socket has come. */
  preparePoll(): void {
    const { map, view, tunFd, sockets, self } = this.#c;
    const fds = [this.#wakeFds[self] ?? -1, tunFd, ...sockets.map(({ fd }) => fd)];
    fds.forEach((fd, i) => {
      view.setInt32(map.pollFds + i * 8, fd, true);
      view.setInt16(map.pollFds + i * 8 + 4, POLLIN, true);
    });
  }

  #sleep(): void {
    const { base, map, view, sockets, turns, self, tally } = this.#c;
    this.#ring.announceSleep();
    // A producer that committed before it saw us sleeping rings no bell: look once more.
    if (this.#ring.pending || this.#ring.doorbell) {
      this.#ring.announceAwake();
      return;
    }
    tally.add("sleeps", 1);
    poll(base + map.pollFds, 2 + sockets.length, this.#outbound.holding ? HOLD_TICK_MS : -1);
    this.#ring.announceAwake();
    const wake = this.#wakeFds[self];
    if (wake !== undefined && (view.getInt16(map.pollFds + 6, true) & POLLIN) !== 0) drainWake(wake);
    for (let i = 0; i < sockets.length; i++) if (view.getInt16(map.pollFds + (2 + i) * 8 + 6, true) !== 0) turns.wake(i);
    if ((view.getInt16(map.pollFds + 8 + 6, true) & POLLERR_HUP_NVAL) !== 0) throw new Error("the TUN device is gone");
  }
}
