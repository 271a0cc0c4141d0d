/** Configuration payload (RFC 7296 §3.15). */
import { Reader, Writer } from "../octets.ts";

export interface ConfigurationAttributeValue {
  /** iana ConfigurationAttribute, 15 bits. */
  readonly type: number;
  /** Empty in a request that suggests nothing. */
  readonly value: Uint8Array;
}

export interface CpPayload {
  readonly type: "CP";
  /** iana ConfigurationType. */
  readonly configType: number;
  readonly attributes: readonly ConfigurationAttributeValue[];
}

const ATTRIBUTE_TYPE_MASK = 0x7fff;

export function decodeCp(body: Uint8Array): CpPayload {
  const reader = new Reader(body);
  const configType = reader.u8();
  reader.skip(3);
  const attributes: ConfigurationAttributeValue[] = [];
  while (reader.remaining > 0) {
    const type = reader.u16() & ATTRIBUTE_TYPE_MASK;
    attributes.push({ type, value: reader.take(reader.u16()) });
  }
  return { type: "CP", configType, attributes };
}

export function encodeCp(payload: CpPayload): Uint8Array {
  const writer = new Writer().u8(payload.configType).zeros(3);
  for (const { type, value } of payload.attributes) {
    if (type > ATTRIBUTE_TYPE_MASK) throw new RangeError(`configuration attribute type ${type} does not fit 15 bits`);
    writer.u16(type).u16(value.length).octets(value);
  }
  return writer.finish();
}
