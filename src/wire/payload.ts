/** All payloads of IKEv2 as one union, and the table that leads from a type number to a codec. One file per payload in payload/. */
import { PayloadType } from "./iana/index.ts";
import { decodeAuth, encodeAuth, type AuthPayload } from "./payload/authentication.ts";
import { decodeCert, encodeCert, type CertPayload } from "./payload/certificate.ts";
import { decodeCp, encodeCp, type CpPayload } from "./payload/configuration.ts";
import { decodeDelete, encodeDelete, type DeletePayload } from "./payload/delete.ts";
import { decodeSkf, encodeSkf, type SkfPayload, type SkPayload } from "./payload/encrypted.ts";
import { decodeId, encodeId, type IdPayload } from "./payload/identification.ts";
import { decodeKe, encodeKe, type KePayload } from "./payload/key-exchange.ts";
import { decodeNonce, type NoncePayload } from "./payload/nonce.ts";
import { decodeNotify, encodeNotify, type NotifyPayload } from "./payload/notify.ts";
import type { EapPayload, VendorPayload } from "./payload/opaque.ts";
import { decodeSa, encodeSa, type SaPayload } from "./payload/security-association.ts";
import { decodeTs, encodeTs, type TsPayload } from "./payload/traffic-selectors.ts";

export type { ConfigurationAttributeValue } from "./payload/configuration.ts";
export { encodeId as encodeIdBody } from "./payload/identification.ts";
export { MAX_NONCE_LENGTH, MIN_NONCE_LENGTH } from "./payload/nonce.ts";
export type {
  AuthPayload,
  CertPayload,
  CpPayload,
  DeletePayload,
  EapPayload,
  IdPayload,
  KePayload,
  NoncePayload,
  NotifyPayload,
  SaPayload,
  SkfPayload,
  SkPayload,
  TsPayload,
  VendorPayload,
};

/** A payload type that is not implemented here. With `critical` set, the whole message is to be refused (RFC 7296 §2.5). */
export interface UnknownPayload {
  readonly type: "UNKNOWN";
  readonly payloadType: number;
  readonly critical: boolean;
  readonly body: Uint8Array;
}

/** The critical bit is not kept for the types we know: it is ignored on receipt and sent as 0 (RFC 7296 §3.2). */
export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorPayload
  | TsPayload
  | SkPayload
  | SkfPayload
  | CpPayload
  | EapPayload
  | UnknownPayload;

/** The payloads with this `type`: `PayloadOf<"KE">`. Also where one interface serves two types, as TSi and TSr, which Extract cannot split. */
export type PayloadOf<Type extends Payload["type"]> = Narrowed<Payload, Type>;
type Narrowed<Member, Type> = Member extends { readonly type: infer Own }
  ? Type extends Own
    ? Member & { readonly type: Type }
    : never
  : never;

/** The first payload of this type. */
export function findPayload<Type extends Payload["type"]>(payloads: readonly Payload[], type: Type): PayloadOf<Type> | undefined {
  return payloads.find((payload): payload is PayloadOf<Type> & Payload => payload.type === type);
}

/** One link of a payload chain before its body is understood. */
export interface RawPayload {
  readonly payloadType: number;
  readonly critical: boolean;
  /** The "Next Payload" field of this payload's own header. */
  readonly nextPayload: number;
  readonly body: Uint8Array;
}

/** Throws MalformedMessage if the body is not what its type asks for. Octets in the result are views of `raw.body`. */
export function decodePayload(raw: RawPayload): Payload {
  const { payloadType, body } = raw;
  switch (payloadType) {
    case PayloadType.SA:
      return decodeSa(body);
    case PayloadType.KE:
      return decodeKe(body);
    case PayloadType.IDi:
      return decodeId("IDi", body);
    case PayloadType.IDr:
      return decodeId("IDr", body);
    case PayloadType.CERT:
      return decodeCert("CERT", body);
    case PayloadType.CERTREQ:
      return decodeCert("CERTREQ", body);
    case PayloadType.AUTH:
      return decodeAuth(body);
    case PayloadType.NONCE:
      return decodeNonce(body);
    case PayloadType.NOTIFY:
      return decodeNotify(body);
    case PayloadType.DELETE:
      return decodeDelete(body);
    case PayloadType.VENDOR:
      return { type: "VENDOR", data: body };
    case PayloadType.TSi:
      return decodeTs("TSi", body);
    case PayloadType.TSr:
      return decodeTs("TSr", body);
    case PayloadType.SK:
      return { type: "SK", firstInner: raw.nextPayload, body };
    case PayloadType.SKF:
      return decodeSkf(raw.nextPayload, body);
    case PayloadType.CP:
      return decodeCp(body);
    case PayloadType.EAP:
      return { type: "EAP", data: body };
    default:
      return { type: "UNKNOWN", payloadType, critical: raw.critical, body };
  }
}

/** What stands behind the generic payload header. Throws RangeError for a value that does not fit its field. */
export function encodePayloadBody(payload: Payload): Uint8Array {
  switch (payload.type) {
    case "SA":
      return encodeSa(payload);
    case "KE":
      return encodeKe(payload);
    case "IDi":
    case "IDr":
      return encodeId(payload);
    case "CERT":
    case "CERTREQ":
      return encodeCert(payload);
    case "AUTH":
      return encodeAuth(payload);
    case "NOTIFY":
      return encodeNotify(payload);
    case "DELETE":
      return encodeDelete(payload);
    case "TSi":
    case "TSr":
      return encodeTs(payload);
    case "CP":
      return encodeCp(payload);
    case "SKF":
      return encodeSkf(payload);
    case "SK":
    case "UNKNOWN":
      return payload.body;
    case "NONCE":
    case "VENDOR":
    case "EAP":
      return payload.data;
  }
}

/** The number that the preceding header's Next Payload field carries for this payload. */
export function payloadTypeOf(payload: Payload): number {
  return payload.type === "UNKNOWN" ? payload.payloadType : PayloadType[payload.type];
}
