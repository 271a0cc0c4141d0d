/** All benchmarks, in the order in which they run. */
import type { Benchmark } from "./benchmark.ts";
import type { Row } from "./report.ts";
import { benchEncapsulation } from "./encapsulation.ts";
import { benchHandoff } from "./handoff.ts";
import { benchIdle } from "./idle.ts";
import { benchMemory } from "./memory.ts";
import { benchPeers } from "./peers.ts";
import { benchSadLookup } from "./sad-lookup.ts";
import { benchScaling } from "./scaling.ts";
import { benchSchemes } from "./schemes.ts";
import { benchOpen, benchSeal } from "./seal-open.ts";
import { benchSetup } from "./setup.ts";
import { benchTunnel } from "./tunnel.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: "seal",
    about: "a packet's way out of one worker without I/O, against the engine alone",
    run: ({ engines, turns, milliseconds }) => engines.flatMap((engine) => benchSeal(engine, "aes128gcm16", turns, milliseconds)),
  },
  {
    name: "open",
    about: "a packet's way in, against the engine alone",
    run: ({ engines, turns, milliseconds }) => engines.flatMap((engine) => benchOpen(engine, "aes128gcm16", turns, milliseconds)),
  },
  {
    name: "scaling",
    about: "two workers against one, each on its own SA",
    run: async ({ engines, turns, milliseconds }) => {
      const rows: Row[] = [];
      for (const engine of engines) rows.push(...(await benchScaling(engine, turns, milliseconds)));
      return rows;
    },
  },
  {
    name: "handoff",
    about: "ESP that the kernel gave to another worker than the SA's",
    run: (context) => benchHandoff(context, "handoff"),
  },
  { name: "stub", about: "packets sent on a CPU whose SAD has a stub", run: (context) => benchHandoff(context, "stub") },
  { name: "sharedSa", about: "packets sealed on the SA of all workers", run: (context) => benchHandoff(context, "sharedSa") },
  { name: "sadLookup", about: "the SA of a packet among 1, a thousand and a million", run: benchSadLookup },
  { name: "tunnel", about: "two daemons on two hosts, beside the same cable without a tunnel", run: benchTunnel },
  { name: "encapsulation", about: "the same tunnel with ESP in UDP and without", run: benchEncapsulation },
  { name: "schemes", about: "the three schemes under an application that moves between CPUs", run: benchSchemes },
  { name: "peers", about: "the same TCP through other user-space tunnels", run: benchPeers },
  { name: "setup", about: "handshakes a second, and per-CPU SAs coming up", run: benchSetup },
  { name: "memory", about: "resident memory, and what packets leave behind", run: benchMemory },
  { name: "idle", about: "the processor's share of a daemon without traffic", run: benchIdle },
];
