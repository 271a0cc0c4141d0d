/** What the rest of Hawser asks of the machine it runs on, so that tests can hand in another. */

export interface Clock {
  /** Milliseconds since some fixed moment; never goes back, whatever happens to the time of day. */
  now(): number;
}

/** A route as Hawser installs it: traffic to `destination` leaves by `device`. */
export interface Route {
  /** Prefix, e.g. "10.2.0.0/16" or "fd02::/48". */
  readonly destination: string;
  readonly device: string;
  /** Next hop, where the device is not the last one on the way. */
  readonly via?: string;
  /** Source address of packets that have none yet; must be one of this host's. */
  readonly source?: string;
  /** Largest packet, in octets, where that is less than the device's. */
  readonly mtu?: number;
  /** Lower wins among routes to the same destination. */
  readonly metric?: number;
  /** Another table than the main one. */
  readonly table?: number;
}

/** The kernel's routing table, or what stands for it. Both throw with a sentence that says what could not be done. */
export interface RouteTable {
  /** Adds the route, or replaces the one to the same destination with the same metric. */
  replaceRoute(route: Route): void;
  /** Removes the route; one that is not there (any more) is no error. */
  deleteRoute(route: Route): void;
}

/** Linux's CLOCK_MONOTONIC. */
export const monotonicClock: Clock = { now: () => performance.now() };
