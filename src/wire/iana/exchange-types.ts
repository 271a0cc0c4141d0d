import { registry } from "./registry.ts";

/** RFC 7296 §3.1 and later RFCs; 8 bits in the IKE header. */
export const ExchangeType = registry("IKEv2 Exchange Types", 8, {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
  /** RFC 5723 */
  IKE_SESSION_RESUME: 38,
  /** RFC 9838 */
  GSA_AUTH: 39,
  GSA_REGISTRATION: 40,
  GSA_REKEY: 41,
  GSA_INBAND_REKEY: 42,
  /** RFC 9242 */
  IKE_INTERMEDIATE: 43,
  /** RFC 9370 */
  IKE_FOLLOWUP_KE: 44,
});
