import assert from "node:assert/strict";
import { test } from "node:test";
import {
  acceptChoice,
  answerProposal,
  chooseProposal,
  keyExchangeOf,
  keyExchangesOf,
  requireEspSpi,
  transformOf,
  withoutKeyExchange,
  withSpi,
} from "../../src/ike/proposals.ts";
import { EncryptionAlgorithm, KeyExchangeMethod, TransformType } from "../../src/wire/iana/index.ts";
import type { Proposal } from "../../src/wire/proposal.ts";
import { espProposals, ikeProposals } from "./harness/configs.ts";

const spi = Uint8Array.of(1, 2, 3, 4);
const { CURVE25519, ECP_256, MODP_2048 } = KeyExchangeMethod;
const refusal = { name: "NoAgreement" };

test("our order of preference decides", () => {
  const ours = ikeProposals("aes256gcm16-prfsha384-ecp384", "aes128gcm16-prfsha256-x25519");
  const theirs = withSpi(ikeProposals("aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha384-ecp384"), new Uint8Array(0));
  const chosen = chooseProposal(ours, theirs, undefined);
  assert.equal(chosen.number, 2);
  assert.equal(transformOf(chosen, TransformType.ENCR)?.keyLength, 256);
});

test("but a choice that the KE payload already serves goes before one that costs a round trip", () => {
  const ours = ikeProposals("aes128gcm16-prfsha256-ecp256-x25519");
  const theirs = withSpi(ikeProposals("aes128gcm16-prfsha256-x25519-ecp256"), new Uint8Array(0));
  assert.equal(keyExchangeOf(chooseProposal(ours, theirs, CURVE25519)), CURVE25519);
  assert.equal(keyExchangeOf(chooseProposal(ours, theirs, undefined)), ECP_256);
  assert.equal(keyExchangeOf(chooseProposal(ours, theirs, MODP_2048)), ECP_256, "an offered value that nobody wants");
});

test("nothing in common: the reason names what was offered", () => {
  const ours = ikeProposals("aes128gcm16-prfsha256-x25519");
  const theirs = withSpi(ikeProposals("aes256gcm16-prfsha256-x25519"), new Uint8Array(0));
  assert.throws(() => chooseProposal(ours, theirs, CURVE25519), { ...refusal, message: /ENCR_AES_GCM_16-256.*CURVE25519/ });
});

test("PFS is demanded by one side alone only if the other lists NONE", () => {
  const [withPfs] = espProposals("aes128gcm16-x25519-noesn");
  const [without] = espProposals("aes128gcm16-noesn");
  assert.ok(withPfs !== undefined && without !== undefined);
  const offer = (proposal: Proposal): Proposal[] => withSpi([proposal], spi);
  assert.throws(() => chooseProposal([withPfs], offer(without), undefined), refusal);
  assert.throws(() => chooseProposal([without], offer(withPfs), CURVE25519), refusal);
  const lax: Proposal = { ...withPfs, transforms: [...withPfs.transforms, { type: TransformType.KE, id: KeyExchangeMethod.NONE }] };
  assert.equal(keyExchangeOf(chooseProposal([lax], offer(without), undefined)), undefined);
  assert.equal(keyExchangeOf(chooseProposal([lax], offer(withPfs), CURVE25519)), CURVE25519);
});

test("a transform with an unknown attribute is never chosen", () => {
  const [ours] = espProposals("aes128gcm16-noesn");
  assert.ok(ours !== undefined);
  const strange = ours.transforms.map((transform) =>
    transform.type === TransformType.ENCR ? { ...transform, attributes: [{ type: 77, value: 1 }] } : transform,
  );
  assert.throws(() => chooseProposal([ours], withSpi([{ ...ours, transforms: strange }], spi), undefined), refusal);
});

test("IKE_AUTH offers no key exchange, and nothing twice for lack of it", () => {
  const offered = withoutKeyExchange(espProposals("aes128gcm16-x25519-noesn", "aes128gcm16-ecp256-noesn", "aes256gcm16-noesn"));
  assert.equal(offered.length, 2);
  assert.deepEqual(keyExchangesOf(offered), []);
});

test("key exchange methods come in order of preference, each once", () => {
  assert.deepEqual(keyExchangesOf(ikeProposals("aes128gcm16-prfsha256-ecp256-x25519", "aes256gcm16-prfsha256-x25519-modp2048")), [
    ECP_256,
    CURVE25519,
    MODP_2048,
  ]);
});

test("the initiator accepts a choice of what it offered, and nothing else", () => {
  const sent = withSpi(espProposals("aes128gcm16-aes256gcm16-noesn", "chacha20poly1305-noesn"), spi);
  const good = answerProposal(chooseProposal(espProposals("aes256gcm16-noesn"), sent, undefined), Uint8Array.of(9, 9, 9, 9));
  assert.equal(transformOf(acceptChoice(sent, [good]), TransformType.ENCR)?.keyLength, 256);
  const misbehaved = { name: "PeerMisbehaved" };
  assert.throws(() => acceptChoice(sent, []), misbehaved);
  assert.throws(() => acceptChoice(sent, [good, good]), misbehaved);
  assert.throws(() => acceptChoice(sent, [{ ...good, number: 3 }]), misbehaved, "a proposal that was not sent");
  assert.throws(() => acceptChoice(sent, [{ ...good, number: 2 }]), misbehaved, "a cipher of another proposal");
  assert.throws(() => acceptChoice(sent, [{ ...good, protocolId: 1 }]), misbehaved, "another protocol");
  assert.throws(() => acceptChoice(sent, [{ ...good, transforms: good.transforms.slice(1) }]), misbehaved, "a type left out");
  const twice = [...good.transforms, { type: TransformType.ENCR, id: EncryptionAlgorithm.ENCR_AES_GCM_16, keyLength: 128 }];
  assert.throws(() => acceptChoice(sent, [{ ...good, transforms: twice }]), misbehaved, "two of one type");
});

test("an ESP SPI has four octets and is not zero", () => {
  const sent = withSpi(espProposals("aes128gcm16-noesn"), spi);
  const chosen = chooseProposal(espProposals("aes128gcm16-noesn"), sent, undefined);
  requireEspSpi(chosen);
  assert.throws(() => requireEspSpi({ ...chosen, peerSpi: new Uint8Array(4) }), { name: "PeerMisbehaved" });
  assert.throws(() => requireEspSpi({ ...chosen, peerSpi: new Uint8Array(8) }), { name: "PeerMisbehaved" });
});
