import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/daemon/config/problems.ts";
import { YamlFile } from "../../../src/daemon/config/yaml-file.ts";

const problemsOf = (text: string): string[] => {
  try {
    new YamlFile("f.yaml", text);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split("\n");
  }
  return [];
};

test("no scalar becomes anything but text", () => {
  const { value } = new YamlFile("f.yaml", "a: 0x01\nb: no\nc: 1e3\nd: ~\ne: [1, yes]\nf: 'x'\ng:\n");
  assert.deepEqual(value, { a: "0x01", b: "no", c: "1e3", d: "~", e: ["1", "yes"], f: "x", g: "" });
});

test("lines are found through mappings, lists and aliases", () => {
  const yaml = new YamlFile("f.yaml", "a:\n  b:\n    - x\n    - y\nshared: &s\n  k: v\nuse: *s\n");
  assert.equal(yaml.lineOf([]), 1);
  assert.equal(yaml.lineOf(["a"]), 1);
  assert.equal(yaml.lineOf(["a", "b"]), 2);
  assert.equal(yaml.lineOf(["a", "b", 1]), 4);
  assert.equal(yaml.lineOf(["use", "k"]), 6);
  assert.equal(yaml.lineOf(["a", "missing"]), 1, "of what is not there, the line of what should hold it");
});

test("broken YAML is told with its lines", () => {
  assert.deepEqual(problemsOf(""), ["f.yaml:1: The file is empty."]);
  assert.deepEqual(problemsOf("# nothing\n"), ["f.yaml:1: The file is empty."]);
  assert.deepEqual(problemsOf("a: 1\nb: 2\na: 3\n"), ["f.yaml:3: Map keys must be unique."]);
  assert.match(problemsOf("a: [1, 2\nb: 3\n").join(), /^f\.yaml:\d+: .+\.$/);
  assert.match(problemsOf("a:\n\t- b\n").join(), /^f\.yaml:2: /);
});

test("an alias bomb is refused", () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `l${i}: &l${i} [${i === 0 ? "x" : `*l${i - 1}, *l${i - 1}, *l${i - 1}, *l${i - 1}`}]`,
  );
  assert.match(problemsOf(levels.join("\n")).join(), /alias/i);
});
