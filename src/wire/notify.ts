/** What the data of each Notify type means: a constructor to send it, and a reader that throws MalformedMessage for data of no meaning. */
import { MalformedMessage } from "./errors.ts";
import { NotifyType, ProtocolId } from "./iana/index.ts";
import { Reader, Writer } from "./octets.ts";
import type { NotifyPayload, Payload } from "./payload.ts";

const NOTHING = new Uint8Array(0);
const FIRST_STATUS_TYPE = 16384;

/** Errors refuse a request, statuses add to it; an unknown error fails the request, an unknown status is ignored (RFC 7296 §3.10.1). */
export const isErrorNotify = (notifyType: number): boolean => notifyType < FIRST_STATUS_TYPE;

/** A Notify of any type that concerns no SA but the one that carries it. */
export function notify(notifyType: number, data: Uint8Array = NOTHING): NotifyPayload {
  return { type: "NOTIFY", protocolId: ProtocolId.NONE, spi: NOTHING, notifyType, data };
}

/** A Notify about one Child SA: `spi` is the one that the sender of the Notify expects in packets that it receives (RFC 7296 §3.10). */
function notifyAbout(notifyType: number, protocolId: number, spi: Uint8Array): NotifyPayload {
  return { type: "NOTIFY", protocolId, spi, notifyType, data: NOTHING };
}

/** The first Notify of this type. */
export function findNotify(payloads: readonly Payload[], notifyType: number): NotifyPayload | undefined {
  return findNotifies(payloads, notifyType)[0];
}

/** All of this type, in order: NAT_DETECTION_SOURCE_IP may come many times. */
export function findNotifies(payloads: readonly Payload[], notifyType: number): NotifyPayload[] {
  return payloads.filter((payload): payload is NotifyPayload => payload.type === "NOTIFY" && payload.notifyType === notifyType);
}

/** The first Notify that is an error, known or not. */
export function findErrorNotify(payloads: readonly Payload[]): NotifyPayload | undefined {
  return payloads.find((payload): payload is NotifyPayload => payload.type === "NOTIFY" && isErrorNotify(payload.notifyType));
}

/** RFC 7296 §2.23: `hash` is the SHA-1 of SPIs, address and port of the named end. */
export function natDetection(end: "source" | "destination", hash: Uint8Array): NotifyPayload {
  return notify(end === "source" ? NotifyType.NAT_DETECTION_SOURCE_IP : NotifyType.NAT_DETECTION_DESTINATION_IP, hash);
}

/** PPK_ID types (RFC 8784 §5.1): a name of its own that both ends are configured with. PPK_ID_OPAQUE is for schemes that are not ours. */
const PPK_ID_FIXED = 2;

/** RFC 8784 §5.1: `id` of at least one octet. */
export function ppkIdentity(id: Uint8Array): NotifyPayload {
  return notify(NotifyType.PPK_IDENTITY, new Writer(1 + id.length).u8(PPK_ID_FIXED).octets(id).finish());
}

/** The name of a PPK in a request; undefined for another type of name. */
export function ppkIdentityOf(payload: NotifyPayload): Uint8Array | undefined {
  const { data } = payload;
  if (data.length < 2) throw malformed(payload);
  return data[0] === PPK_ID_FIXED ? data.slice(1) : undefined;
}

/** RFC 9611 §5: the identifier is opaque to the peer and may be empty; the data of a received one is the identifier. */
export function saResourceInfo(identifier: Uint8Array = NOTHING): NotifyPayload {
  return notify(NotifyType.SA_RESOURCE_INFO, identifier);
}

/** RFC 9611 §6: no further Child SA for these selectors. */
export const tsMaxQueue = (): NotifyPayload => notify(NotifyType.TS_MAX_QUEUE);

/** RFC 7296 §2.9: narrowing left room for another Child SA. */
export const additionalTsPossible = (): NotifyPayload => notify(NotifyType.ADDITIONAL_TS_POSSIBLE);

/** RFC 7296 §1.3: the responder makes no further Child SAs on this IKE SA. */
export const noAdditionalSas = (): NotifyPayload => notify(NotifyType.NO_ADDITIONAL_SAS);

const MAX_COOKIE_LENGTH = 64;

/** RFC 7296 §2.6: 1 to 64 octets. Throws RangeError. */
export function cookie(value: Uint8Array): NotifyPayload {
  if (value.length < 1 || value.length > MAX_COOKIE_LENGTH) throw new RangeError(`a cookie of ${value.length} octets`);
  return notify(NotifyType.COOKIE, value);
}

/** The cookie to be returned as it came. */
export function cookieOf(payload: NotifyPayload): Uint8Array {
  const { data } = payload;
  if (data.length < 1 || data.length > MAX_COOKIE_LENGTH) throw malformed(payload);
  return data;
}

/** RFC 7296 §1.2, §1.3: `method` is the KeyExchangeMethod that the responder wants. */
export const invalidKe = (method: number): NotifyPayload => notify(NotifyType.INVALID_KE_PAYLOAD, new Writer(2).u16(method).finish());

export const invalidKeMethodOf = (payload: NotifyPayload): number => readAll(payload, (reader) => reader.u16());

/** RFC 7296 §2.5: the payload type that was not understood. */
export const unsupportedCriticalPayload = (payloadType: number): NotifyPayload =>
  notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(payloadType));

export const unsupportedPayloadTypeOf = (payload: NotifyPayload): number => readAll(payload, (reader) => reader.u8());

/** RFC 7296 §2.5: the highest version that the sender speaks. */
export const invalidMajorVersion = (highestMajor: number): NotifyPayload =>
  notify(NotifyType.INVALID_MAJOR_VERSION, Uint8Array.of(highestMajor));

/** RFC 7296 §1.5: `spi`, of 4 octets, is that of an ESP packet that the sender of the Notify has no SA for. */
export const invalidSpi = (spi: Uint8Array): NotifyPayload => notify(NotifyType.INVALID_SPI, spi);

/** RFC 6290 §4.1: a token for the IKE SA, of 16 to 128 octets. */
export const qcdToken = (token: Uint8Array): NotifyPayload => ({
  ...notify(NotifyType.QUICK_CRASH_DETECTION, token),
  protocolId: ProtocolId.IKE,
});

export const isQcdToken = ({ data }: NotifyPayload): boolean => data.length >= 16 && data.length <= 128;

/** RFC 7296 §2.3: the sender keeps state for `size` requests of the peer at once; at least 1. */
export const setWindowSize = (size: number): NotifyPayload => notify(NotifyType.SET_WINDOW_SIZE, uint32(size));

export function windowSizeOf(payload: NotifyPayload): number {
  const size = readAll(payload, (reader) => reader.u32());
  if (size === 0) throw malformed(payload);
  return size;
}

/** RFC 7296 §1.3.3: `spi` is the sender's inbound SPI of the Child SA that is being replaced. */
export const rekeySa = (protocolId: number, spi: Uint8Array): NotifyPayload => notifyAbout(NotifyType.REKEY_SA, protocolId, spi);

/** RFC 7296 §2.25: the answer to a rekey or delete of a Child SA that is not there; `spi` as in the request. */
export const childSaNotFound = (protocolId: number, spi: Uint8Array): NotifyPayload =>
  notifyAbout(NotifyType.CHILD_SA_NOT_FOUND, protocolId, spi);

/** RFC 7427 §4: the hashes, in iana HashAlgorithm, that the sender can verify signatures over. */
export function signatureHashAlgorithms(algorithms: readonly number[]): NotifyPayload {
  const writer = new Writer(2 * algorithms.length);
  for (const algorithm of algorithms) writer.u16(algorithm);
  return notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, writer.finish());
}

export function signatureHashAlgorithmsOf(payload: NotifyPayload): number[] {
  return readAll(payload, (reader) => {
    const algorithms: number[] = [];
    while (reader.remaining > 0) algorithms.push(reader.u16());
    return algorithms;
  });
}

/** RFC 4555 §3.6: another address of the sender, 4 or 16 octets in network order. */
export function additionalAddress(address: Uint8Array): NotifyPayload {
  if (address.length !== 4 && address.length !== 16) throw new RangeError(`an address of ${address.length} octets`);
  return notify(address.length === 4 ? NotifyType.ADDITIONAL_IP4_ADDRESS : NotifyType.ADDITIONAL_IP6_ADDRESS, address);
}

/** The octets of an ADDITIONAL_IP4_ADDRESS or ADDITIONAL_IP6_ADDRESS. */
export function additionalAddressOf(payload: NotifyPayload): Uint8Array {
  const length = payload.notifyType === NotifyType.ADDITIONAL_IP4_ADDRESS ? 4 : 16;
  return readAll(payload, (reader) => reader.take(length));
}

/** RFC 4555 §3.2, §3.5, §3.6: the sender takes part in MOBIKE; its message's own addresses are to be used; it has no others. */
export const mobikeSupported = (): NotifyPayload => notify(NotifyType.MOBIKE_SUPPORTED);
export const updateSaAddresses = (): NotifyPayload => notify(NotifyType.UPDATE_SA_ADDRESSES);
export const noAdditionalAddresses = (): NotifyPayload => notify(NotifyType.NO_ADDITIONAL_ADDRESSES);

/** RFC 4555 §4.2.5: 8 to 64 octets that the peer returns as they came. Throws RangeError. */
export function cookie2(value: Uint8Array): NotifyPayload {
  if (value.length < 8 || value.length > MAX_COOKIE_LENGTH) throw new RangeError(`a COOKIE2 of ${value.length} octets`);
  return notify(NotifyType.COOKIE2, value);
}

/** RFC 4555 §4.2.6: the sender's view of a message's addresses and ports: both addresses of 4 octets, or both of 16. */
export interface MessageAddresses {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function noNatsAllowed({ source, destination, sourcePort, destinationPort }: MessageAddresses): NotifyPayload {
  const isOneFamily = source.length === destination.length && (source.length === 4 || source.length === 16);
  if (!isOneFamily) throw new RangeError(`addresses of ${source.length} and ${destination.length} octets`);
  const writer = new Writer(2 * source.length + 4).octets(source).octets(destination).u16(sourcePort).u16(destinationPort);
  return notify(NotifyType.NO_NATS_ALLOWED, writer.finish());
}

export function noNatsAllowedOf(payload: NotifyPayload): MessageAddresses {
  const length = payload.data.length === 12 ? 4 : 16;
  return readAll(payload, (reader) => ({
    source: reader.take(length),
    destination: reader.take(length),
    sourcePort: reader.u16(),
    destinationPort: reader.u16(),
  }));
}

/** A Notify whose data is one 32-bit number, such as the CPU_QUEUES of draft-pwouters-ipsecme-multi-sa-performance (a private-use type). */
export const notifyUint32 = (notifyType: number, value: number): NotifyPayload => notify(notifyType, uint32(value));

export const uint32Of = (payload: NotifyPayload): number => readAll(payload, (reader) => reader.u32());

const uint32 = (value: number): Uint8Array => new Writer(4).u32(value).finish();

/** Runs `read` over the data, which it must consume to the end. */
function readAll<Value>(payload: NotifyPayload, read: (reader: Reader) => Value): Value {
  const reader = new Reader(payload.data);
  try {
    const value = read(reader);
    reader.expectEnd(NotifyType.nameOf(payload.notifyType));
    return value;
  } catch (error) {
    throw error instanceof MalformedMessage ? malformed(payload) : error;
  }
}

const malformed = (payload: NotifyPayload): MalformedMessage =>
  new MalformedMessage("bad-notify-data", `${payload.data.length} octets in ${NotifyType.nameOf(payload.notifyType)}`);
