/** Choosing among additional key exchanges (RFC 9370 §2.2.1). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatProposal } from "../../src/crypto/algorithms.ts";
import { NoAgreement, PeerMisbehaved } from "../../src/ike/errors.ts";
import { acceptChoice, additionalKeyExchangesOf, chooseProposal, withoutAdditionalKeyExchanges, withSpi } from "../../src/ike/proposals.ts";
import { KeyExchangeMethod, TransformType } from "../../src/wire/iana/index.ts";
import { ikeProposals } from "./harness/configs.ts";

describe("additional key exchanges", () => {
  const choose = (ours: string, theirs: string, ke: number = KeyExchangeMethod.CURVE25519): string =>
    formatProposal(chooseProposal(ikeProposals(ours), ikeProposals(theirs), ke));
  const base = "aes128gcm16-prfsha256-x25519";

  it("are chosen like everything else: ours first", () => {
    assert.equal(choose(`${base}-ke1_mlkem768-ke1_mlkem1024`, `${base}-ke1_mlkem1024-ke1_mlkem768`), `${base}-ke1_mlkem768`);
  });

  it("must be proposed by both, unless NONE is an alternative of the one that proposes", () => {
    assert.throws(() => choose(`${base}-ke1_mlkem768`, base), NoAgreement);
    assert.throws(() => choose(base, `${base}-ke1_mlkem768`), NoAgreement);
    assert.equal(choose(`${base}-ke1_mlkem768-ke1_none`, base), base);
    assert.equal(choose(base, `${base}-ke1_mlkem768-ke1_none`), `${base}-ke1_none`, "NONE is selected");
    assert.equal(choose(`${base}-ke1_mlkem768-ke1_none`, `${base}-ke1_mlkem768-ke1_none`), `${base}-ke1_mlkem768`);
  });

  it("never repeat a method, at the price of the second best", () => {
    const both = `${base}-ke1_mlkem768-ke1_mlkem1024-ke2_mlkem768`;
    assert.equal(choose(both, both), `${base}-ke1_mlkem1024-ke2_mlkem768`);
    assert.throws(() => choose(`${base}-ke1_mlkem768-ke2_mlkem1024`, `${base}-ke1_mlkem768-ke1_mlkem1024-ke2_mlkem768`), NoAgreement);
    const nones = `${base}-ke1_none-ke2_none`;
    assert.equal(choose(nones, nones), nones, "NONE may come as often as it likes");
  });

  it("are listed in the order of their types", () => {
    const [proposal] = ikeProposals(`${base}-ke3_mlkem512-ke1_mlkem768-ke2_none`);
    assert.ok(proposal !== undefined);
    assert.deepEqual(additionalKeyExchangesOf(proposal), [KeyExchangeMethod.ML_KEM_768, KeyExchangeMethod.ML_KEM_512]);
  });

  it("go where the peer cannot do them, and the proposals that cannot do without", () => {
    const proposals = withoutAdditionalKeyExchanges(ikeProposals(`${base}-ke1_mlkem768`, `${base}-ke1_mlkem768-ke1_none`, base));
    assert.deepEqual(proposals.map(formatProposal), [`${base}-ke1_none`, base]);
  });

  it("that an answer repeats or leaves out are refused", () => {
    const sent = withSpi(ikeProposals(`${base}-mlkem768-ke1_mlkem768-ke1_mlkem512`), new Uint8Array(0));
    const answer = (text: string): ReturnType<typeof acceptChoice> => acceptChoice(sent, withSpi(ikeProposals(text), new Uint8Array(0)));
    assert.equal(formatProposal(answer(`${base}-ke1_mlkem768`)), `${base}-ke1_mlkem768`);
    assert.throws(() => answer(base), PeerMisbehaved);
    const twice = sent.map((proposal) => ({
      ...proposal,
      transforms: proposal.transforms.filter(({ type, id }) => type < TransformType.KE || id === KeyExchangeMethod.ML_KEM_768),
    }));
    assert.throws(() => acceptChoice(sent, twice), /one key exchange method twice/);
  });
});
