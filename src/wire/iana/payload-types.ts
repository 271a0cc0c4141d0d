import { registry } from "./registry.ts";

/** RFC 7296 §3.2 and later RFCs; 8 bits, the "Next Payload" field. 1–32 are IKEv1's and not used again. */
export const PayloadType = registry("IKEv2 Payload Types", 8, {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  NOTIFY: 41,
  DELETE: 42,
  VENDOR: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  /** RFC 6467 */
  GSPM: 49,
  /** RFC 9838 */
  IDg: 50,
  GSA: 51,
  KD: 52,
  /** RFC 7383 */
  SKF: 53,
  /** RFC 8019 */
  PS: 54,
});
