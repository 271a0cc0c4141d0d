/** Everything that is to happen later, as one queue: the endpoint's only notion of time to come. */
import type { TimeoutReason } from "./events.ts";

/** One appointment. Cancelling twice, or after it came, does nothing. */
export interface Timer {
  readonly at: number;
  readonly reason: TimeoutReason;
  cancel(): void;
}

interface Entry extends Timer {
  /** Breaks ties: first made, first served, so that runs are repeatable. */
  readonly order: number;
  action: ((now: number) => void) | undefined;
}

/** A binary heap. Cancelled entries stay until they surface, or until they are more than half of it. */
export class TimerQueue {
  #heap: Entry[] = [];
  #cancelled = 0;
  #order = 0;

  /** `at` in milliseconds; the action runs in the first {@link fire} at or after it. */
  schedule(at: number, reason: TimeoutReason, action: (now: number) => void): Timer {
    const entry: Entry = { at, reason, order: this.#order++, action, cancel: () => this.#cancel(entry) };
    this.#heap.push(entry);
    this.#siftUp(this.#heap.length - 1);
    return entry;
  }

  /** The next appointment that stands. */
  next(): { readonly at: number; readonly reason: TimeoutReason } | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.action !== undefined) return first;
      this.#pop();
      this.#cancelled--;
    }
  }

  /** Runs all that is due at `now`, in order of time; what an action schedules for `now` or before runs as well. */
  fire(now: number): void {
    for (let due = this.next(); due !== undefined && due.at <= now; due = this.next()) {
      const entry = this.#pop();
      const action = entry?.action;
      if (entry !== undefined) entry.action = undefined;
      action?.(now);
    }
  }

  #cancel(entry: Entry): void {
    if (entry.action === undefined) return;
    entry.action = undefined;
    this.#cancelled++;
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  #compact(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter((entry) => entry.action !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #pop(): Entry | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && first !== last) {
      this.#heap[0] = last;
      this.#siftDown(0);
    }
    return first;
  }

  #siftUp(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  #siftDown(start: number): void {
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const [l, r] = [this.#heap[left], this.#heap[right]];
      if (l === undefined) return;
      const child = r !== undefined && isBefore(r, l) ? right : left;
      if (!this.#swapIfBefore(child, at)) return;
      at = child;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined || !isBefore(x, y)) return false;
    this.#heap[a] = y;
    this.#heap[b] = x;
    return true;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
