/** Numbers of identities and of their proof. */
import { registry } from "./registry.ts";

/** RFC 7296 §3.8 and later RFCs; 8 bits in AUTH. */
export const AuthenticationMethod = registry("IKEv2 Authentication Method", 8, {
  RSA_DIGITAL_SIGNATURE: 1,
  SHARED_KEY_MIC: 2,
  DSS_DIGITAL_SIGNATURE: 3,
  ECDSA_SHA256_P256: 9,
  ECDSA_SHA384_P384: 10,
  ECDSA_SHA512_P521: 11,
  GENERIC_SECURE_PASSWORD: 12,
  NULL: 13,
  /** RFC 7427 */
  DIGITAL_SIGNATURE: 14,
});

/** RFC 7296 §3.5; 8 bits in IDi and IDr. */
export const IdentificationType = registry("IKEv2 Identification Payload ID Types", 8, {
  ID_IPV4_ADDR: 1,
  ID_FQDN: 2,
  ID_RFC822_ADDR: 3,
  ID_IPV6_ADDR: 5,
  ID_DER_ASN1_DN: 9,
  ID_DER_ASN1_GN: 10,
  ID_KEY_ID: 11,
  ID_FC_NAME: 12,
  ID_NULL: 13,
});

/** RFC 7296 §3.6; 8 bits in CERT and CERTREQ. */
export const CertificateEncoding = registry("IKEv2 Certificate Encodings", 8, {
  PKCS7_WRAPPED_X509: 1,
  PGP: 2,
  DNS_SIGNED_KEY: 3,
  X509_SIGNATURE: 4,
  KERBEROS_TOKEN: 6,
  CRL: 7,
  ARL: 8,
  SPKI: 9,
  X509_ATTRIBUTE: 10,
  RAW_RSA_KEY: 11,
  HASH_AND_URL_X509: 12,
  HASH_AND_URL_X509_BUNDLE: 13,
  /** RFC 4806 */
  OCSP_CONTENT: 14,
  /** RFC 7670 */
  RAW_PUBLIC_KEY: 15,
});

/** RFC 7427 §7; 16 bits in SIGNATURE_HASH_ALGORITHMS. */
export const HashAlgorithm = registry("IKEv2 Hash Algorithms", 16, {
  SHA1: 1,
  SHA2_256: 2,
  SHA2_384: 3,
  SHA2_512: 4,
  /** RFC 8420: EdDSA hashes by itself. */
  IDENTITY: 5,
  STREEBOG_256: 6,
  STREEBOG_512: 7,
});
