/** Keywords that swanctl takes and Hawser does not, each with the reason: an operator who brings a configuration along reads it. */

const MUST_NOT = "must not be used any more (RFC 8247, RFC 8221)";
const TOO_WEAK = "is too weak for anything new and is not implemented";
const NOT_IMPLEMENTED = "is not implemented";
const NULL_ENCRYPTION = "would send traffic unencrypted, which Hawser does not do";

const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^des$|^blowfish\d*$|^cast\d*$|^idea$|^rc5$/, MUST_NOT],
  [/^md5(_128)?$|^prfmd5$|^sha1_160$/, MUST_NOT],
  [/^modp768$|^modp1024s160$/, MUST_NOT],
  [/^3des$|^sha256_96$|^sha2_256_96$/, TOO_WEAK],
  [/^modp(1024|1536|2048s224|2048s256)$|^ecp(192|224)$|^modpnull$/, TOO_WEAK],
  [/^null$|^aes\d*gmac$/, NULL_ENCRYPTION],
  [/^aes(128|192|256)?ccm\d*$|^camellia\d*(ctr|ccm\d*)?$|^serpent\d*$|^twofish\d*$/, NOT_IMPLEMENTED],
  [/^(prf)?aes(xcbc|cmac)$|^ecp\d+bp$|^ntru\d+$|^newhope128$/, NOT_IMPLEMENTED],
  [/^default$/, "stands for whole proposals, the built-in ones, and for no part of one: make it an entry of the list"],
];

/** Completes the sentence "KEYWORD …"; undefined for a keyword that swanctl does not know either. */
export function refusalOf(keyword: string): string | undefined {
  return REASONS.find(([pattern]) => pattern.test(keyword))?.[1];
}
