import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonStatus } from "../../src/daemon/status.ts";
import { failedExpectations } from "../../src/demo/expectations.ts";
import type { EndMeasurements, Measurements } from "../../src/demo/measurements.ts";
import { humanReport, jsonReport } from "../../src/demo/report.ts";

interface EndShape {
  /** Packets in and out of the SA of each CPU. */
  readonly sas?: readonly (readonly [number, number])[];
  readonly drops?: Record<string, number>;
  readonly ikeDrops?: Record<string, number>;
}

function status({ sas = [], drops = {}, ikeDrops = {} }: EndShape): DaemonStatus {
  const childSas = sas.map(([packetsIn, packetsOut], cpu) => ({
    id: cpu + 1,
    cpu,
    spiIn: 0x1000 + cpu,
    spiOut: 0x2000 + cpu,
    packetsIn,
    packetsOut,
    bytesIn: packetsIn * 100,
    bytesOut: packetsOut * 100,
  }));
  return {
    dataPlane: {
      engine: { name: "node", version: "1" },
      perWorker: [{ packetsIn: 10_000, packetsOut: 10_000, resteeredTo: 3, resteeredFrom: 0 }],
      drops,
      expectedDrops: ["InDummy"],
    },
    endpoint: {
      childSas,
      groups: [{ scheme: "rfc9611", mode: "per-cpu", cpus: childSas.map(({ id, cpu }) => ({ cpu, entry: "own", sa: id })) }],
      counters: { drops: ikeDrops },
    },
  } as unknown as DaemonStatus;
}

const GOOD: EndShape = {
  sas: [
    [50, 60],
    [70, 80],
  ],
};

function measurements(left: EndShape, right: EndShape = GOOD, rest: Partial<Measurements> = {}): Measurements {
  const end = (name: "left" | "right", shape: EndShape): EndMeasurements => ({
    end: name,
    afterPings: status({ ...shape, drops: {} }),
    final: status(shape),
    exitStatus: 0,
  });
  return {
    cpus: 2,
    ends: [end("left", left), end("right", right)],
    pings: { sent: 100, received: 100 },
    tunnelGbps: 4,
    plainGbps: 8,
    sender: "own",
    leaked: { packets: 0, examples: [] },
    ...rest,
  };
}

test("a run as it should be has no failure", () => {
  assert.deepEqual(failedExpectations(measurements(GOOD)), []);
});

test("each expectation fails by itself", () => {
  const cases: readonly (readonly [Measurements, RegExp])[] = [
    [measurements({ sas: [[50, 60]] }), /^left has 1 Child SAs for 2 CPUs\nleft: CPU 1 has no Child SA of its own$/],
    [measurements({ sas: [GOOD.sas![0]!, [0, 0]] }), /^left: the Child SA of CPU 1 has sent and received nothing$/],
    [
      measurements(GOOD, {
        sas: [
          [1, 0],
          [1, 1],
        ],
      }),
      /^right: the Child SA of CPU 0 has sent nothing$/,
    ],
    [measurements(GOOD, GOOD, { pings: { sent: 100, received: 99 } }), /^1 of 100 pings were lost$/],
    [measurements(GOOD, GOOD, { pings: { sent: 0, received: 0 } }), /^0 of 0 pings were lost$/],
    [
      measurements(GOOD, GOOD, { leaked: { packets: 2, examples: ["4500"] } }),
      /^2 packets on the wire were neither ESP nor IKE; the first: 4500$/,
    ],
    [measurements({ ...GOOD, drops: { InStateProtoError: 1 } }), /^left dropped 1 packets: InStateProtoError$/],
    [measurements({ ...GOOD, ikeDrops: { integrity: 2 } }), /^left dropped 2 packets: ike\.integrity$/],
    [measurements({ ...GOOD, drops: { RingFull: 500 } }), /^left dropped 500 packets: RingFull$/],
    [measurements(GOOD, GOOD, { tunnelGbps: 0 }), /^no bulk TCP came through the tunnel$/],
    [measurements(GOOD, GOOD, { plainGbps: NaN }), /^no bulk TCP came over the plain cable$/],
  ];
  for (const [measured, expected] of cases) assert.match(failedExpectations(measured).join("\n"), expected);
});

test("congestion under bulk TCP is explained, during pings it is not", () => {
  const congested = measurements({ ...GOOD, drops: { OutQueueFull: 150, InDummy: 9 } });
  assert.deepEqual(failedExpectations(congested), []);
  const [left, right] = congested.ends;
  const early = { ...congested, ends: [{ ...left!, afterPings: left!.final }, right!] };
  assert.deepEqual(failedExpectations(early), ["left dropped 150 packets: OutQueueFull"]);
});

test("a daemon that did not end well is told; one that was left running is not", () => {
  const good = measurements(GOOD);
  const ended = (exitStatus: number | null | undefined) => ({ ...good, ends: good.ends.map((end) => ({ ...end, exitStatus })) });
  assert.equal(failedExpectations(ended(1)).length, 2);
  assert.equal(failedExpectations(ended(null)).length, 2);
  assert.deepEqual(failedExpectations(ended(undefined)), []);
});

test("the JSON report is one line with what the command promises", () => {
  const line = jsonReport(measurements({ ...GOOD, drops: { RingFull: 1 } }, GOOD, { tunnelGbps: 4.00049 }), []);
  assert.doesNotMatch(line, /\n/);
  const report = JSON.parse(line) as Record<string, unknown> & { perCpu: unknown[] };
  assert.deepEqual(Object.keys(report), [
    "childSas",
    "cpus",
    "perCpu",
    "pingLoss",
    "tunnelGbps",
    "plainGbps",
    "engine",
    "leaked",
    "drops",
    "ok",
    "failures",
  ]);
  assert.deepEqual(
    { ...report, perCpu: report.perCpu.length },
    {
      childSas: 2,
      cpus: 2,
      perCpu: 4,
      pingLoss: 0,
      tunnelGbps: 4,
      plainGbps: 8,
      engine: "node",
      leaked: 0,
      drops: { RingFull: 1 },
      ok: true,
      failures: [],
    },
  );
  assert.deepEqual(report.perCpu[1], {
    end: "left",
    cpu: 1,
    spiIn: "00001001",
    spiOut: "00002001",
    packetsIn: 70,
    packetsOut: 80,
    bytesIn: 7000,
    bytesOut: 8000,
  });
});

test("the report for people names what was measured and what failed", () => {
  const text = humanReport(measurements({ sas: [[50, 60]] }), ["left has 1 Child SAs for 2 CPUs"]);
  for (const part of [
    /left +0 +00001000 +00002000 +50 +5\.00k +60 +6\.00k/,
    /left +1 +none/,
    /4\.00 Gbit\/s through the tunnel, 8\.00 Gbit\/s without it: 0\.50/,
    /CPU 0 handed 3 packets/,
    /Not as expected:\n {2}- left has 1/,
  ]) {
    assert.match(text, part);
  }
});
