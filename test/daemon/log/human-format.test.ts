import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLogLine } from "../../../src/daemon/log/human-format.ts";
import { createLogger } from "../../../src/daemon/log/logger.ts";

const TIME = Date.UTC(2026, 10, 24, 10, 54, 32, 123);

test("a record is one line: time, level, sentence, notes", () => {
  const line = formatLogLine(JSON.stringify({ level: 30, time: TIME, port: 4500, local: "192.0.2.1", why: "no reason", msg: "listening" }));
  assert.equal(line, '2026-11-24T10:54:32.123Z info  listening port=4500 local=192.0.2.1 why="no reason"\n');
});

test("a message cannot forge a second line or drive the terminal", () => {
  const line = formatLogLine(JSON.stringify({ level: 40, time: TIME, msg: "peer\n2026 ERROR fake\u001b[2J", note: "a\nb" }));
  assert.equal(line, '2026-11-24T10:54:32.123Z WARN  peer ⏎ 2026 ERROR fake\\x1b[2J note="a\\nb"\n');
});

test("what is no record passes as it is", () => {
  assert.equal(formatLogLine("plain text\n"), "plain text\n");
});

test("the logger keeps to its level, in both formats", () => {
  for (const format of ["human", "json"] as const) {
    const lines: string[] = [];
    const log = createLogger("info", format, (line) => lines.push(line));
    log.debug("not this");
    log.warn({ cpu: 1 }, "but this");
    assert.equal(lines.length, 1);
    if (format === "human") assert.match(lines[0] ?? "", /^\S+Z WARN {2}but this cpu=1\n$/);
    else assert.deepEqual({ ...(JSON.parse(lines[0] ?? "") as object), time: 0 }, { level: 40, time: 0, cpu: 1, msg: "but this" });
  }
});
