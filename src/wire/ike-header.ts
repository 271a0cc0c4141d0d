/** The IKE header (RFC 7296 §3.1): 28 octets at the start of every IKE message. */
import { Reader, Writer } from "./octets.ts";

/** An IKE SPI: 64 bits, chosen by its end. 0 stands for "not yet known" in the first IKE_SA_INIT request. */
export type IkeSpi = bigint & { readonly __brand: "IkeSpi" };

export const ikeSpi = (value: bigint): IkeSpi => BigInt.asUintN(64, value) as IkeSpi;

/** The responder's SPI in the first message. */
export const NO_IKE_SPI: IkeSpi = ikeSpi(0n);

/** "00112233445566aa": sixteen hexadecimal digits. */
export function formatIkeSpi(spi: IkeSpi): string {
  return spi.toString(16).padStart(16, "0");
}

/** The SPI as it stands on the wire, in key derivation and in hashes: 8 octets. */
export function ikeSpiOctets(spi: IkeSpi): Uint8Array<ArrayBuffer> {
  return new Writer(8).u64(spi).finish();
}

/** The inverse of {@link ikeSpiOctets}. Throws MalformedMessage unless there are 8 octets. */
export function ikeSpiFromOctets(octets: Uint8Array): IkeSpi {
  const reader = new Reader(octets);
  const spi = ikeSpi(reader.u64());
  reader.expectEnd("IKE SPI");
  return spi;
}

export const IKE_HEADER_LENGTH = 28;

export interface IkeHeader {
  readonly initiatorSpi: IkeSpi;
  readonly responderSpi: IkeSpi;
  /** The type of the first payload (iana PayloadType). */
  readonly nextPayload: number;
  readonly exchangeType: number;
  /** Flag I: sent by the original initiator of the IKE SA, whoever began this exchange. */
  readonly isInitiator: boolean;
  /** Flag R. */
  readonly isResponse: boolean;
  readonly majorVersion: number;
  readonly minorVersion: number;
  /** Flag V: the sender could speak a higher major version. */
  readonly higherVersion: boolean;
  readonly messageId: number;
  /** Of the whole message in octets, this header included. */
  readonly length: number;
}

const FLAG_INITIATOR = 0x08;
const FLAG_VERSION = 0x10;
const FLAG_RESPONSE = 0x20;

/**
 * Reads the first 28 octets and judges none of them: the version must be looked at before the rest may be trusted to mean anything
 * (RFC 7296 §2.5). Throws MalformedMessage if there are fewer octets.
 */
export function decodeIkeHeader(octets: Uint8Array): IkeHeader {
  const reader = new Reader(octets);
  const initiatorSpi = ikeSpi(reader.u64());
  const responderSpi = ikeSpi(reader.u64());
  const nextPayload = reader.u8();
  const version = reader.u8();
  const exchangeType = reader.u8();
  const flags = reader.u8();
  return {
    initiatorSpi,
    responderSpi,
    nextPayload,
    exchangeType,
    isInitiator: (flags & FLAG_INITIATOR) !== 0,
    isResponse: (flags & FLAG_RESPONSE) !== 0,
    majorVersion: version >> 4,
    minorVersion: version & 0x0f,
    higherVersion: (flags & FLAG_VERSION) !== 0,
    messageId: reader.u32(),
    length: reader.u32(),
  };
}

/** 28 octets, every field as given. */
export function encodeIkeHeader(header: IkeHeader): Uint8Array<ArrayBuffer> {
  const flags =
    (header.isInitiator ? FLAG_INITIATOR : 0) | (header.higherVersion ? FLAG_VERSION : 0) | (header.isResponse ? FLAG_RESPONSE : 0);
  return new Writer(IKE_HEADER_LENGTH)
    .u64(header.initiatorSpi)
    .u64(header.responderSpi)
    .u8(header.nextPayload)
    .u8((header.majorVersion << 4) | header.minorVersion)
    .u8(header.exchangeType)
    .u8(flags)
    .u32(header.messageId)
    .u32(header.length)
    .finish();
}
