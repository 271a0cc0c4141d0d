/** `setup`: how many handshakes one core answers, and how long per-CPU SAs take to come up, without and with a delay on the wire. */
import type { BenchContext } from "./benchmark.ts";
import { IkeHost, IkePair } from "./ike-pair.ts";
import type { Outgoing } from "./ike-pair.ts";
import { ratio, summarize } from "./measure.ts";
import type { Row } from "./report.ts";
import { reach } from "./report.ts";

const HANDSHAKES_TO_WARM_UP = 100;
const GROUPS = [2, 64, 1000] as const;
/** So many take long: one turn has to do. */
const GREAT = 1000;
/** Milliseconds. */
const ROUND_TRIP = 20;
const AIM = { sas: 64, roundTrips: 6 };
const PATIENCE = 120_000;

export function benchSetup({ turns, milliseconds }: BenchContext): Row[] {
  return [handshakes(turns, milliseconds * 5), ...GROUPS.flatMap((sas) => bringUp(sas, sas < GREAT ? Math.min(turns, 3) : 1))];
}

/** IKE_SA_INIT and IKE_AUTH with the first Child SA, pre-shared keys, X25519; only the responder's time counts, and it keeps all its SAs. */
function handshakes(turns: number, milliseconds: number): Row {
  const rates = [];
  for (let turn = 0; turn < turns; turn++) {
    const responder = new Responder();
    for (let i = 0; i < HANDSHAKES_TO_WARM_UP; i++) responder.answer();
    let [time, count] = [0, 0];
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      time += responder.answer();
      count++;
    }
    rates.push((count * 1000) / time);
  }
  return { bench: "setup", name: "responder, PSK, X25519, one core", unit: "handshakes/s", value: summarize(rates) };
}

/** A host that initiators come to, each once. */
export class Responder {
  readonly #host: IkeHost;
  readonly #sent: Outgoing[] = [];
  #initiators = 0;

  constructor() {
    this.#host = new IkeHost({ side: "right", cpus: 1, child: {}, hasTraffic: false }, 0, (datagram) => this.#sent.push(datagram));
  }

  /** One handshake with an initiator that has never been here before. @returns milliseconds of processor time of this side alone */
  answer(): number {
    const requests: Outgoing[] = [];
    const id = `host-${++this.#initiators}.example`;
    const initiator = new IkeHost({ side: "left", cpus: 1, child: {}, id, hasTraffic: false }, 0, (datagram) => requests.push(datagram));
    initiator.act(0, (endpoint) => void endpoint.handleCommand({ verb: "initiate", connection: "tunnel" }, 0));
    let microseconds = 0;
    for (let exchange = 0; exchange < 2; exchange++) {
      const request = requests.shift();
      if (request === undefined) throw new Error("the initiator has nothing to say");
      const before = process.cpuUsage();
      this.#host.act(0, (endpoint) => endpoint.handleDatagram({ ...request, local: request.remote, remote: request.local }, 0));
      const { user, system } = process.cpuUsage(before);
      microseconds += user + system;
      const response = this.#sent.shift();
      if (response === undefined) throw new Error("the responder has nothing to say");
      initiator.act(0, (endpoint) => endpoint.handleDatagram({ ...response, local: response.remote, remote: response.local }, 0));
    }
    if (initiator.ownSas.size === 0) throw new Error("the handshake came to nothing");
    return microseconds / 1000;
  }
}

function bringUp(sas: number, turns: number): Row[] {
  const [busy, delayed, one]: [number[], number[], number[]] = [[], [], []];
  for (let turn = 0; turn < turns; turn++) {
    busy.push(timeToBringUp(sas, 0).processor);
    delayed.push(timeToBringUp(sas, ROUND_TRIP).virtual / ROUND_TRIP);
    one.push(timeToBringUp(1, ROUND_TRIP).virtual / ROUND_TRIP);
  }
  const roundTrips = summarize(delayed);
  const aim = sas === AIM.sas ? { reach: reach("at most", AIM.roundTrips, roundTrips.median) } : {};
  return [
    {
      bench: "setup",
      name: `${sas} per-CPU SAs, 0 ms RTT`,
      unit: "ms",
      value: summarize(busy),
      note: "processor time of both ends on one core",
    },
    {
      bench: "setup",
      name: `${sas} per-CPU SAs, ${ROUND_TRIP} ms RTT`,
      unit: "RTT",
      value: roundTrips,
      ...(aim.reach === undefined ? { floor: "one SA", ratio: ratio(delayed, one) } : aim),
    },
  ];
}

/** From the first packets, one on each CPU, to an SA of its own for each: virtual milliseconds, and those of the processor. */
function timeToBringUp(sas: number, roundTrip: number): { virtual: number; processor: number } {
  const end = { cpus: sas, child: { perCpuSas: true, startAction: "trap" } } as const;
  const pair = new IkePair({ left: { ...end, hasTraffic: true }, right: { ...end, hasTraffic: false } }, roundTrip / 2);
  const before = process.cpuUsage();
  for (const host of [pair.right, pair.left]) host.act(0, (endpoint) => endpoint.handleTimeout(0));
  pair.runUntil(() => pair.left.ownSas.size === sas, PATIENCE);
  const { user, system } = process.cpuUsage(before);
  return { virtual: pair.now, processor: (user + system) / 1000 };
}
