/** The Transform Type registries: what a proposal can be made of (RFC 7296 §3.3.2). */
import { registry } from "./registry.ts";

export const TransformType = registry("Transform Type Values", 8, {
  ENCR: 1,
  PRF: 2,
  INTEG: 3,
  KE: 4,
  /** Called "Sequence Numbers (SN)" since RFC 9827. */
  ESN: 5,
  /** RFC 9370 */
  ADDKE1: 6,
  ADDKE2: 7,
  ADDKE3: 8,
  ADDKE4: 9,
  ADDKE5: 10,
  ADDKE6: 11,
  ADDKE7: 12,
  /** RFC 9838 */
  KWA: 13,
  GCAUTH: 14,
});

/** Whether a transform type is one of Additional Key Exchange 1 to 7 (RFC 9370). */
export const isAdditionalKeyExchange = (type: number): boolean => type >= TransformType.ADDKE1 && type <= TransformType.ADDKE7;

/** Transform Type 1. */
export const EncryptionAlgorithm = registry("Encryption Algorithm Transform IDs", 16, {
  ENCR_DES_IV64: 1,
  ENCR_DES: 2,
  ENCR_3DES: 3,
  ENCR_RC5: 4,
  ENCR_IDEA: 5,
  ENCR_CAST: 6,
  ENCR_BLOWFISH: 7,
  ENCR_3IDEA: 8,
  ENCR_DES_IV32: 9,
  ENCR_NULL: 11,
  ENCR_AES_CBC: 12,
  ENCR_AES_CTR: 13,
  ENCR_AES_CCM_8: 14,
  ENCR_AES_CCM_12: 15,
  ENCR_AES_CCM_16: 16,
  ENCR_AES_GCM_8: 18,
  ENCR_AES_GCM_12: 19,
  ENCR_AES_GCM_16: 20,
  ENCR_NULL_AUTH_AES_GMAC: 21,
  ENCR_CAMELLIA_CBC: 23,
  ENCR_CAMELLIA_CTR: 24,
  ENCR_CAMELLIA_CCM_8: 25,
  ENCR_CAMELLIA_CCM_12: 26,
  ENCR_CAMELLIA_CCM_16: 27,
  ENCR_CHACHA20_POLY1305: 28,
  ENCR_AES_CCM_8_IIV: 29,
  ENCR_AES_GCM_16_IIV: 30,
  ENCR_CHACHA20_POLY1305_IIV: 31,
  ENCR_KUZNYECHIK_MGM_KTREE: 32,
  ENCR_MAGMA_MGM_KTREE: 33,
  ENCR_KUZNYECHIK_MGM_MAC_KTREE: 34,
  ENCR_MAGMA_MGM_MAC_KTREE: 35,
});

/** Transform Type 2. */
export const Prf = registry("Pseudorandom Function Transform IDs", 16, {
  PRF_HMAC_MD5: 1,
  PRF_HMAC_SHA1: 2,
  PRF_HMAC_TIGER: 3,
  PRF_AES128_XCBC: 4,
  PRF_HMAC_SHA2_256: 5,
  PRF_HMAC_SHA2_384: 6,
  PRF_HMAC_SHA2_512: 7,
  PRF_AES128_CMAC: 8,
  PRF_HMAC_STREEBOG_512: 9,
});

/** Transform Type 3. */
export const IntegrityAlgorithm = registry("Integrity Algorithm Transform IDs", 16, {
  NONE: 0,
  AUTH_HMAC_MD5_96: 1,
  AUTH_HMAC_SHA1_96: 2,
  AUTH_DES_MAC: 3,
  AUTH_KPDK_MD5: 4,
  AUTH_AES_XCBC_96: 5,
  AUTH_HMAC_MD5_128: 6,
  AUTH_HMAC_SHA1_160: 7,
  AUTH_AES_CMAC_96: 8,
  AUTH_AES_128_GMAC: 9,
  AUTH_AES_192_GMAC: 10,
  AUTH_AES_256_GMAC: 11,
  AUTH_HMAC_SHA2_256_128: 12,
  AUTH_HMAC_SHA2_384_192: 13,
  AUTH_HMAC_SHA2_512_256: 14,
});

/** Transform Type 4, and 6 to 12 (RFC 9370). IANA gives sentences such as "2048-bit MODP Group"; these are the short forms in use. */
export const KeyExchangeMethod = registry("Key Exchange Method Transform IDs", 16, {
  NONE: 0,
  MODP_768: 1,
  MODP_1024: 2,
  MODP_1536: 5,
  MODP_2048: 14,
  MODP_3072: 15,
  MODP_4096: 16,
  MODP_6144: 17,
  MODP_8192: 18,
  ECP_256: 19,
  ECP_384: 20,
  ECP_521: 21,
  MODP_1024_160: 22,
  MODP_2048_224: 23,
  MODP_2048_256: 24,
  ECP_192: 25,
  ECP_224: 26,
  BRAINPOOL_P224R1: 27,
  BRAINPOOL_P256R1: 28,
  BRAINPOOL_P384R1: 29,
  BRAINPOOL_P512R1: 30,
  CURVE25519: 31,
  CURVE448: 32,
  GOST3410_2012_256: 33,
  GOST3410_2012_512: 34,
  ML_KEM_512: 35,
  ML_KEM_768: 36,
  ML_KEM_1024: 37,
});

/** Transform Type 5. IANA's text since RFC 9827: 32-bit sequential, partially transmitted 64-bit sequential, 32-bit unspecified. */
export const ExtendedSequenceNumbers = registry("Sequence Numbers Transform IDs", 16, {
  NO_ESN: 0,
  ESN: 1,
  UNSPECIFIED_32: 2,
});

/** RFC 7296 §3.3.5; 15 bits, without the AF bit. */
export const TransformAttributeType = registry("IKEv2 Transform Attribute Types", 15, {
  KEY_LENGTH: 14,
});
