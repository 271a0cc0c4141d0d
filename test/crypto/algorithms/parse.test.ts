import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidProposal, formatProposal, parseProposal, type ProposalProtocol } from "../../../src/crypto/algorithms.ts";
import {
  EncryptionAlgorithm as Encr,
  ExtendedSequenceNumbers as Esn,
  IntegrityAlgorithm as Integ,
  KeyExchangeMethod as Ke,
  Prf,
  ProtocolId,
  TransformType as Type,
} from "../../../src/wire/iana/index.ts";

test("an IKE proposal with an AEAD", () => {
  const proposal = parseProposal("aes128gcm16-prfsha256-x25519", "IKE");
  assert.equal(proposal.number, 1);
  assert.equal(proposal.protocolId, ProtocolId.IKE);
  assert.equal(proposal.spi.length, 0);
  assert.deepEqual(proposal.transforms, [
    { type: Type.ENCR, id: Encr.ENCR_AES_GCM_16, keyLength: 128 },
    { type: Type.PRF, id: Prf.PRF_HMAC_SHA2_256 },
    { type: Type.KE, id: Ke.CURVE25519 },
  ]);
});

test("an IKE proposal for old peers", () => {
  assert.deepEqual(parseProposal("aes256-sha512-prfsha384-modp4096", "IKE").transforms, [
    { type: Type.ENCR, id: Encr.ENCR_AES_CBC, keyLength: 256 },
    { type: Type.INTEG, id: Integ.AUTH_HMAC_SHA2_512_256 },
    { type: Type.PRF, id: Prf.PRF_HMAC_SHA2_384 },
    { type: Type.KE, id: Ke.MODP_4096 },
  ]);
});

test("an ESP proposal, with PFS and without", () => {
  assert.deepEqual(parseProposal("aes256gcm16-ecp256-esn", "ESP"), {
    number: 1,
    protocolId: ProtocolId.ESP,
    spi: new Uint8Array(0),
    transforms: [
      { type: Type.ENCR, id: Encr.ENCR_AES_GCM_16, keyLength: 256 },
      { type: Type.KE, id: Ke.ECP_256 },
      { type: Type.ESN, id: Esn.ESN },
    ],
  });
  assert.deepEqual(parseProposal("chacha20poly1305", "ESP").transforms, [
    { type: Type.ENCR, id: Encr.ENCR_CHACHA20_POLY1305 },
    { type: Type.ESN, id: Esn.NO_ESN },
  ]);
});

/** What a text means, printed again. */
const READINGS: readonly (readonly [protocol: ProposalProtocol, text: string, meaning: string])[] = [
  ["IKE", "aes128-sha256-x25519", "aes128-sha256-prfsha256-x25519"],
  ["IKE", "aes128-sha256-sha384-x25519", "aes128-sha256-sha384-prfsha256-prfsha384-x25519"],
  ["IKE", "aes128gcm16-sha512-x25519", "aes128gcm16-prfsha512-x25519"],
  ["IKE", "aes128gcm16-sha512-prfsha256-x25519", "aes128gcm16-prfsha256-x25519"],
  ["IKE", "x25519-prfsha256-ecp384-aes256gcm16-aes128gcm16", "aes256gcm16-aes128gcm16-prfsha256-x25519-ecp384"],
  ["IKE", " AES256GCM128-PRFSHA384-CURVE448 ", "aes256gcm16-prfsha384-x448"],
  ["IKE", "aes-sha2_256-modp2048", "aes128-sha256-prfsha256-modp2048"],
  ["IKE", "ke1_mlkem768-ke1_none-aes256gcm16-prfsha384-curve25519", "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_none"],
  ["IKE", "aes256gcm16-prfsha384-x25519-ke7_ecp384-ke2_mlkem1024", "aes256gcm16-prfsha384-x25519-ke2_mlkem1024-ke7_ecp384"],
  ["IKE", "aes256gcm16-prfsha384-mlkem768", "aes256gcm16-prfsha384-mlkem768"],
  ["ESP", "aes256gcm16-x25519-ke1_mlkem768", "aes256gcm16-x25519-ke1_mlkem768-noesn"],
  ["ESP", "aes128gcm-noesn-esn", "aes128gcm16-noesn-esn"],
  ["ESP", "aes128gcm16", "aes128gcm16-noesn"],
  ["IKE", "aes128-sha1-modp2048", "aes128-sha1-prfsha1-modp2048"],
  ["ESP", "aes128-sha256-modp2048", "aes128-sha256-modp2048-noesn"],
  ["ESP", "sha512-sha1-aes256ctr-aes128-esn", "aes256ctr-aes128-sha512-sha1-esn"],
  ["ESP", "aes256gcm96-aes192gcm64", "aes256gcm12-aes192gcm8-noesn"],
  ["ESP", "aes128gcm16-sha256", "aes128gcm16-noesn"],
];

for (const [protocol, text, meaning] of READINGS) {
  test(`${protocol} "${text}" means ${meaning}`, () => {
    const proposal = parseProposal(text, protocol);
    assert.equal(formatProposal(proposal), meaning);
    assert.deepEqual(parseProposal(meaning, protocol), proposal, "what is printed reads as the same");
  });
}

/** What is refused, and the words an operator needs to put it right. */
const REFUSALS: readonly (readonly [protocol: ProposalProtocol, text: string, words: RegExp])[] = [
  ["IKE", "", /empty; write for example aes128gcm16-prfsha256-x25519/],
  ["ESP", "  ", /empty; write for example aes128gcm16-esn/],
  ["IKE", "aes128gcm16--x25519", /nothing between two hyphens/],
  ["IKE", "aes128gcm61-prfsha256-x25519", /aes128gcm61 is not a keyword\. Did you mean aes128gcm16\?/],
  ["IKE", "aes128gcm16-prfsha256-x25591", /Did you mean x25519\?/],
  ["IKE", "quantum-prfsha256-x25519", /quantum is not a keyword\. Known are aes128gcm16, .*mlkem768/],
  ["IKE", "aes128gcm16-aes128gcm128-prfsha256-x25519", /names aes128gcm16 twice/],
  ["IKE", "aes128gcm16-x25519", /no prf; add for example prfsha256/],
  ["IKE", "aes128-prfsha256-x25519", /no integrity algorithm.*add for example sha256/],
  ["IKE", "aes128gcm16-prfsha256", /no key exchange; add for example x25519/],
  ["IKE", "prfsha256-x25519", /no encryption algorithm/],
  ["IKE", "aes128gcm16-aes128-sha256-x25519", /mixes aes128gcm16 and aes128.*write two proposals/],
  ["IKE", "aes128gcm16-prfsha256-x25519-esn", /esn has no place: sequence numbers/],
  ["ESP", "esn", /no encryption algorithm/],
  ["ESP", "aes128", /no integrity algorithm.*add for example sha256/],
  ["ESP", "aes128gcm16-aes128-sha256", /mixes aes128gcm16 and aes128.*write two proposals/],
  ["ESP", "aes128gcm16-prfsha256", /prfsha256 has no place: Child SAs take the prf of their IKE SA/],
  ["IKE", "des-md5-modp768", /des must not be used any more/],
  ["IKE", "aes128-md5-modp2048", /md5 must not be used any more/],
  ["IKE", "aes128-sha256-modp768", /modp768 must not be used any more/],
  ["IKE", "aes128-sha256-modp1024s160", /modp1024s160 must not be used any more/],
  ["IKE", "aes128gcm16-prfmd5-x25519", /prfmd5 must not be used any more/],
  ["ESP", "blowfish128-sha256", /blowfish128 must not be used any more/],
  ["ESP", "des-md5", /des must not be used any more/],
  ["ESP", "aes128-md5", /md5 must not be used any more/],
  ["IKE", "aes128-sha256_96-modp2048", /sha256_96 is too weak.*Use some of aes128gcm16/],
  ["IKE", "3des-sha256-modp2048", /3des is too weak/],
  ["IKE", "aes128-sha256-modp1024", /modp1024 is too weak/],
  ["ESP", "null-sha256", /null would send traffic unencrypted/],
  ["ESP", "aes128gmac", /aes128gmac would send traffic unencrypted/],
  ["IKE", "aes128ccm16-prfsha256-x25519", /aes128ccm16 is not implemented/],
  ["IKE", "aes128gcm16-prfsha256-x25519-ke1_mlkem786", /Did you mean ke1_mlkem768\?/],
  ["IKE", "aes128gcm16-prfsha256-x25519-ke8_mlkem768", /ke8_mlkem768 is not a keyword/],
  ["IKE", "aes128gcm16-prfsha256-x25519-ke1_sha256", /ke1_sha256 is not a keyword/],
  ["IKE", "aes128gcm16-prfsha256-x25519-ke1_curve25519", /the same key exchange twice/],
  ["IKE", "aes128gcm16-prfsha256-x25519-ecp256-ke1_ecp256-ke2_ecp256", /the same key exchange twice/],
  ["IKE", "aes128gcm16-prfsha256-ke1_mlkem768", /no key exchange; add for example x25519/],
  ["ESP", "aes128gcm16-ke1_mlkem768", /an additional key exchange without a first one/],
  ["IKE", "default", /an entry of the list/],
];

for (const [protocol, text, words] of REFUSALS) {
  test(`${protocol} "${text}" is refused`, () => {
    assert.throws(
      () => parseProposal(text, protocol),
      (error: unknown) => {
        assert.ok(error instanceof InvalidProposal);
        assert.equal(error.name, "InvalidProposal");
        assert.match(error.message, words);
        assert.match(error.message, /^[A-Z].*[.?]$/, "it is a sentence");
        return true;
      },
    );
  });
}
