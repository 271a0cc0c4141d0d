/** The f64 counters of one worker in its packet memory: written by the worker alone, read by control at any time. */
export const COUNTERS = [
  "packetsOut",
  "bytesOut",
  "packetsIn",
  "bytesIn",
  /** Packets handed to the worker that has the SA, and those it was handed. */
  "resteeredTo",
  "resteeredFrom",
  /** ESP packets that the kernel steered here though another worker has their SA, and those got that way. */
  "misdirectedTo",
  "misdirectedFrom",
  "tunReads",
  "tunWrites",
  "socketReceives",
  "socketSends",
  "sleeps",
  "acquires",
  "heldPackets",
] as const;

export type CounterName = (typeof COUNTERS)[number];

export type WorkerCounters = Record<CounterName, number>;

export const counterIndex = Object.fromEntries(COUNTERS.map((name, index) => [name, index])) as Readonly<Record<CounterName, number>>;
