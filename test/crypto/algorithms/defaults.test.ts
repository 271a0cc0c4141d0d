import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultEspProposals, defaultIkeProposals, formatProposal, parseProposals } from "../../../src/crypto/algorithms.ts";
import { TransformType } from "../../../src/wire/iana/index.ts";

test("the built-in IKE proposals: AEADs first, then what every implementation must have", () => {
  const proposals = defaultIkeProposals();
  assert.deepEqual(
    proposals.map(({ number }) => number),
    [1, 2],
  );
  const [first, second] = proposals.map(formatProposal);
  assert.match(first!, /^aes128gcm16-/);
  for (const mandatory of ["aes128", "sha256", "prfsha256", "modp2048"]) assert.ok(second!.split("-").includes(mandatory), mandatory);
});

test("both IKE proposals begin with the same key exchange, so that one guess serves either", () => {
  const guesses = defaultIkeProposals().map(({ transforms }) => transforms.find(({ type }) => type === TransformType.KE)!.id);
  assert.equal(new Set(guesses).size, 1);
});

test("the built-in ESP proposals: AEADs first, extended sequence numbers preferred, no PFS", () => {
  assert.deepEqual(defaultEspProposals().map(formatProposal), [
    "aes128gcm16-aes256gcm16-chacha20poly1305-esn-noesn",
    "aes128-aes256-sha256-sha384-sha512-esn-noesn",
  ]);
});

test('"default" in a list of proposals stands for all of them, anything else for itself', () => {
  assert.deepEqual(parseProposals("default", "IKE"), defaultIkeProposals());
  assert.deepEqual(parseProposals(" Default", "ESP"), defaultEspProposals());
  assert.deepEqual(parseProposals("aes256gcm16-esn", "ESP").map(formatProposal), ["aes256gcm16-esn"]);
});

test("defaults are made anew for each caller", () => {
  assert.notEqual(defaultIkeProposals()[0], defaultIkeProposals()[0]);
});
