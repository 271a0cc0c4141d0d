import assert from "node:assert/strict";
import { test } from "node:test";
import { flameGraph, fold } from "../../bench/flame-graph.ts";
import type { CpuProfile } from "../../bench/flame-graph.ts";

const node = (id: number, functionName: string, children: number[] = []): CpuProfile["nodes"][number] => ({
  id,
  callFrame: { functionName, url: functionName.startsWith("(") ? "" : "file:///x/worker/loop.js", lineNumber: 6 },
  children,
});

const PROFILE: CpuProfile = {
  nodes: [node(1, "(root)", [2, 5]), node(2, "run", [3, 4]), node(3, "seal"), node(4, "#sleep"), node(5, "(idle)")],
  samples: [3, 3, 2, 4, 5],
  timeDeltas: [100, 50, 50, 1000, 2000],
};

test("time is added up by call stack; idle and sleeping time is nobody's", () => {
  const root = fold(PROFILE, ["#sleep"]);
  assert.equal(root.total, 200);
  const run = root.children.get("run worker/loop.js:7");
  assert.equal(run?.total, 200);
  assert.equal(run.children.get("seal worker/loop.js:7")?.total, 150);
  assert.equal(run.children.size, 1);
});

test("a box is as wide as its share, and names are text", () => {
  const svg = flameGraph(fold(PROFILE, ["#sleep"]), "a <title>");
  assert.match(svg, /seal worker\/loop\.js:7: 75\.0 %<\/title><rect x="0\.0" y="\d+" width="1050\.0"/);
  assert.match(svg, /a &#60;title&#62;/);
  assert.ok(!svg.includes("#sleep"));
});
