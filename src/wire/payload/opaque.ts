/** Payloads whose body means nothing to IKE: Vendor ID (RFC 7296 §3.12) and EAP (§3.16). */

export interface VendorPayload {
  readonly type: "VENDOR";
  readonly data: Uint8Array;
}

export interface EapPayload {
  readonly type: "EAP";
  /** A whole EAP message; its own length field is for the EAP layer to check. */
  readonly data: Uint8Array;
}
