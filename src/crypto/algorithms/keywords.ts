/**
 * The one table of what Hawser can do, by swanctl's proposal keywords. Levels are those of RFC 8247 §2 (IKE) and RFC 8221 §5, §6 (ESP) as
 * updated by RFC 9395.
 */
import {
  EncryptionAlgorithm as Encr,
  ExtendedSequenceNumbers as Esn,
  IntegrityAlgorithm as Integ,
  isAdditionalKeyExchange,
  KeyExchangeMethod as Ke,
  Prf,
  TransformType,
} from "../../wire/iana/index.ts";
import type { Transform } from "../../wire/proposal.ts";

/** The RFCs' words; "SHOULD+" announces a future MUST, "MUST-" a MUST that will not last. What they do not mention MAY be implemented. MUST NOT and SHOULD NOT: see refused.ts. */
export type Level = "MUST" | "MUST-" | "SHOULD+" | "SHOULD" | "MAY";

/** An algorithm that can be configured, where a level is given: `ike` in IKE proposals, `esp` in ESP proposals. */
export interface AlgorithmKeyword {
  /** The keyword that proposals are printed with. */
  readonly keyword: string;
  /** Other spellings that swanctl takes for the same. */
  readonly aliases: readonly string[];
  readonly transform: Transform;
  /** Authenticates by itself: no integrity transform beside it. */
  readonly isAead: boolean;
  readonly ike?: Level;
  readonly esp?: Level;
}

interface Levels {
  readonly ike?: Level;
  readonly esp?: Level;
}

const entry = (keyword: string, transform: Transform, levels: Levels, ...aliases: readonly string[]): AlgorithmKeyword => ({
  keyword,
  aliases,
  transform,
  isAead: false,
  ...levels,
});

const encryption = (keyword: string, id: number, keyLength: number, levels: Levels, ...aliases: readonly string[]): AlgorithmKeyword =>
  entry(keyword, { type: TransformType.ENCR, id, keyLength }, levels, ...aliases);

const aead = (
  keyword: string,
  id: number,
  keyLength: number | undefined,
  levels: Levels,
  ...aliases: readonly string[]
): AlgorithmKeyword => ({
  ...entry(keyword, { type: TransformType.ENCR, id, ...(keyLength === undefined ? {} : { keyLength }) }, levels, ...aliases),
  isAead: true,
});

/** One level for both: RFC 8247 §2.3 and RFC 8221 §6 agree about the HMACs. */
const integrity = (keyword: string, id: number, level: Level, ...aliases: readonly string[]): AlgorithmKeyword =>
  entry(keyword, { type: TransformType.INTEG, id }, { ike: level, esp: level }, ...aliases);

const prf = (keyword: string, id: number, ike: Level): AlgorithmKeyword => entry(keyword, { type: TransformType.PRF, id }, { ike });

/** One level for both: in ESP, a key exchange is for PFS and RFC 8221 leaves it to RFC 8247. */
const keyExchange = (keyword: string, id: number, level: Level, ...aliases: readonly string[]): AlgorithmKeyword =>
  entry(keyword, { type: TransformType.KE, id }, { ike: level, esp: level }, ...aliases);

const sequenceNumbers = (keyword: string, id: number): AlgorithmKeyword => entry(keyword, { type: TransformType.ESN, id }, { esp: "MAY" });

export const KEYWORDS: readonly AlgorithmKeyword[] = [
  aead("aes128gcm16", Encr.ENCR_AES_GCM_16, 128, { ike: "SHOULD", esp: "MUST" }, "aes128gcm", "aes128gcm128"),
  aead("aes192gcm16", Encr.ENCR_AES_GCM_16, 192, { ike: "MAY", esp: "MAY" }, "aes192gcm", "aes192gcm128"),
  aead("aes256gcm16", Encr.ENCR_AES_GCM_16, 256, { ike: "SHOULD", esp: "MUST" }, "aes256gcm", "aes256gcm128"),
  aead("chacha20poly1305", Encr.ENCR_CHACHA20_POLY1305, undefined, { ike: "SHOULD", esp: "SHOULD" }),
  aead("aes128gcm12", Encr.ENCR_AES_GCM_12, 128, { ike: "MAY", esp: "MAY" }, "aes128gcm96"),
  aead("aes192gcm12", Encr.ENCR_AES_GCM_12, 192, { ike: "MAY", esp: "MAY" }, "aes192gcm96"),
  aead("aes256gcm12", Encr.ENCR_AES_GCM_12, 256, { ike: "MAY", esp: "MAY" }, "aes256gcm96"),
  aead("aes128gcm8", Encr.ENCR_AES_GCM_8, 128, { ike: "MAY", esp: "MAY" }, "aes128gcm64"),
  aead("aes192gcm8", Encr.ENCR_AES_GCM_8, 192, { ike: "MAY", esp: "MAY" }, "aes192gcm64"),
  aead("aes256gcm8", Encr.ENCR_AES_GCM_8, 256, { ike: "MAY", esp: "MAY" }, "aes256gcm64"),
  encryption("aes128", Encr.ENCR_AES_CBC, 128, { ike: "MUST", esp: "MUST" }, "aes"),
  encryption("aes192", Encr.ENCR_AES_CBC, 192, { ike: "MAY", esp: "MAY" }),
  encryption("aes256", Encr.ENCR_AES_CBC, 256, { ike: "MUST", esp: "MUST" }),
  encryption("aes128ctr", Encr.ENCR_AES_CTR, 128, { ike: "MAY", esp: "MAY" }),
  encryption("aes192ctr", Encr.ENCR_AES_CTR, 192, { ike: "MAY", esp: "MAY" }),
  encryption("aes256ctr", Encr.ENCR_AES_CTR, 256, { ike: "MAY", esp: "MAY" }),
  integrity("sha256", Integ.AUTH_HMAC_SHA2_256_128, "MUST", "sha2_256"),
  integrity("sha384", Integ.AUTH_HMAC_SHA2_384_192, "MAY", "sha2_384"),
  integrity("sha512", Integ.AUTH_HMAC_SHA2_512_256, "SHOULD", "sha2_512"),
  integrity("sha1", Integ.AUTH_HMAC_SHA1_96, "MUST-", "sha"),
  prf("prfsha256", Prf.PRF_HMAC_SHA2_256, "MUST"),
  prf("prfsha384", Prf.PRF_HMAC_SHA2_384, "MAY"),
  prf("prfsha512", Prf.PRF_HMAC_SHA2_512, "SHOULD+"),
  prf("prfsha1", Prf.PRF_HMAC_SHA1, "MUST-"),
  keyExchange("x25519", Ke.CURVE25519, "MAY", "curve25519"),
  keyExchange("x448", Ke.CURVE448, "MAY", "curve448"),
  keyExchange("ecp256", Ke.ECP_256, "SHOULD"),
  keyExchange("ecp384", Ke.ECP_384, "MAY"),
  keyExchange("ecp521", Ke.ECP_521, "MAY"),
  keyExchange("modp2048", Ke.MODP_2048, "MUST"),
  keyExchange("modp3072", Ke.MODP_3072, "MAY"),
  keyExchange("modp4096", Ke.MODP_4096, "MAY"),
  keyExchange("modp6144", Ke.MODP_6144, "MAY"),
  keyExchange("modp8192", Ke.MODP_8192, "MAY"),
  keyExchange("mlkem768", Ke.ML_KEM_768, "MAY"),
  keyExchange("mlkem1024", Ke.ML_KEM_1024, "MAY"),
  keyExchange("mlkem512", Ke.ML_KEM_512, "MAY"),
  sequenceNumbers("esn", Esn.ESN),
  sequenceNumbers("noesn", Esn.NO_ESN),
];

const BY_NAME: ReadonlyMap<string, AlgorithmKeyword> = new Map(
  KEYWORDS.flatMap((one) => [one.keyword, ...one.aliases].map((name) => [name, one] as const)),
);

/** By keyword or alias. */
export const keywordNamed = (name: string): AlgorithmKeyword | undefined => BY_NAME.get(name) ?? additionalNamed(name);

/** Additional Key Exchanges 1 to 7 (RFC 9370): "ke1_" and the keyword of a key exchange, or "ke1_none", which makes the others optional. */
function additionalNamed(name: string): AlgorithmKeyword | undefined {
  const [, number, method] = /^ke([1-7])_(.+)$/.exec(name) ?? [];
  if (number === undefined || method === undefined) return undefined;
  const type = TransformType.ADDKE1 - 1 + Number(number);
  if (method === "none") return entry(name, { type, id: Ke.NONE }, { ike: "MAY", esp: "MAY" });
  const plain = BY_NAME.get(method);
  if (plain?.transform.type !== TransformType.KE) return undefined;
  return { ...plain, keyword: `ke${number}_${plain.keyword}`, aliases: [], transform: { type, id: plain.transform.id } };
}

/** The keyword of a transform; undefined for what we do not know, or have with other attributes. */
export function keywordOf(transform: Transform): AlgorithmKeyword | undefined {
  const { type, id, keyLength, attributes } = transform;
  if (attributes !== undefined) return undefined;
  if (isAdditionalKeyExchange(type)) {
    const plain = id === Ke.NONE ? "none" : keywordOf({ type: TransformType.KE, id })?.keyword;
    return plain === undefined ? undefined : additionalNamed(`ke${type - TransformType.ADDKE1 + 1}_${plain}`);
  }
  return KEYWORDS.find(({ transform }) => transform.type === type && transform.id === id && transform.keyLength === keyLength);
}
