import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequest } from "../../../src/daemon/control/protocol.ts";

test("requests are read", () => {
  assert.deepEqual(parseRequest('{"verb":"status"}'), { verb: "status" });
  assert.deepEqual(parseRequest('{"verb":"initiate","connection":"west","child":"net","wait":500}'), {
    verb: "initiate",
    connection: "west",
    child: "net",
    wait: 500,
  });
  assert.deepEqual(parseRequest('{"verb":"rekey-child","childSa":7}'), { verb: "rekey-child", childSa: 7 });
});

test("what is no request gets a sentence", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /is not JSON/],
    ["{", /is not JSON/],
    ["null", /must be a JSON object whose "verb" is one of status, stats, initiate/],
    ["[]", /must be a JSON object/],
    ['{"verb":"explode"}', /whose "verb" is one of/],
    ['{"verb":"status","more":1}', /no keys that the verb does not know/],
    ['{"verb":"initiate"}', /"connection" is wrong/],
    ['{"verb":"initiate","connection":"x","wait":-1}', /"wait" is wrong/],
    ['{"verb":"rekey-ike","ikeSa":"1"}', /"ikeSa" is wrong/],
    ['{"verb":"rekey-ike","ikeSa":1.5}', /"ikeSa" is wrong/],
    [`{"verb":"terminate","connection":"${"x".repeat(300)}"}`, /"connection" is wrong/],
  ];
  for (const [line, sentence] of cases) {
    const answer = parseRequest(line);
    assert.equal(typeof answer, "string", line);
    assert.match(answer as string, sentence, line);
  }
});
