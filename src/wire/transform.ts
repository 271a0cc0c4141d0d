/** The Transform substructure of a proposal and its attributes (RFC 7296 §3.3.2, §3.3.5). */
import { MalformedMessage } from "./errors.ts";
import { TransformAttributeType } from "./iana/index.ts";
import { Reader, Writer } from "./octets.ts";

/** An attribute other than Key Length. `value` is a number in the short form (TV, 16 bits) and octets in the long form (TLV). */
export interface TransformAttribute {
  readonly type: number;
  readonly value: number | Uint8Array;
}

export interface Transform {
  /** iana TransformType. */
  readonly type: number;
  /** A number of the registry that belongs to `type`. */
  readonly id: number;
  /** Bits. Absent where the algorithm has but one key length. */
  readonly keyLength?: number;
  /** What we do not know: RFC 7296 §3.3.6 forbids choosing a transform that has such, so they must be kept in sight. */
  readonly attributes?: readonly TransformAttribute[];
}

const LAST_TRANSFORM = 0;
const MORE_TRANSFORMS = 3;
const ATTRIBUTE_FORMAT_TV = 0x8000;

/** "Last Substruc", length, type and ID with their reserved octets: what stands before the attributes. */
const TRANSFORM_HEADER_LENGTH = 8;

/** Reads `count` transforms, which must fill `octets` exactly. Throws MalformedMessage. */
export function decodeTransforms(octets: Uint8Array, count: number): Transform[] {
  const reader = new Reader(octets);
  const transforms: Transform[] = [];
  for (let left = count; left > 0; left--) {
    const more = reader.u8();
    if (more !== (left === 1 ? LAST_TRANSFORM : MORE_TRANSFORMS)) {
      throw new MalformedMessage("bad-transform", `"Last Substruc" is ${more} with ${left} transforms still announced`);
    }
    reader.skip(1);
    const length = reader.u16();
    if (length < TRANSFORM_HEADER_LENGTH) throw new MalformedMessage("bad-length", `transform length ${length} is below its header's`);
    transforms.push(decodeTransform(new Reader(reader.take(length - 4))));
  }
  reader.expectEnd("the transforms");
  return transforms;
}

function decodeTransform(reader: Reader): Transform {
  const type = reader.u8();
  reader.skip(1);
  const id = reader.u16();
  let keyLength: number | undefined;
  const attributes: TransformAttribute[] = [];
  while (reader.remaining > 0) {
    const head = reader.u16();
    const attributeType = head & ~ATTRIBUTE_FORMAT_TV;
    const isShort = (head & ATTRIBUTE_FORMAT_TV) !== 0;
    const value = isShort ? reader.u16() : reader.take(reader.u16());
    if (attributeType !== TransformAttributeType.KEY_LENGTH) {
      attributes.push({ type: attributeType, value });
    } else if (typeof value !== "number" || keyLength !== undefined) {
      // §3.3.5: Key Length must use the TV format; §3.3.6: one value only.
      throw new MalformedMessage("bad-transform", "Key Length repeated or not in its short form");
    } else {
      keyLength = value;
    }
  }
  return {
    type,
    id,
    ...(keyLength === undefined ? {} : { keyLength }),
    ...(attributes.length === 0 ? {} : { attributes }),
  };
}

/** The inverse of {@link decodeTransforms}; Key Length is written before other attributes. */
export function encodeTransforms(writer: Writer, transforms: readonly Transform[]): void {
  transforms.forEach((transform, index) => {
    const attributes = encodeAttributes(transform);
    writer
      .u8(index === transforms.length - 1 ? LAST_TRANSFORM : MORE_TRANSFORMS)
      .zeros(1)
      .u16(TRANSFORM_HEADER_LENGTH + attributes.length)
      .u8(transform.type)
      .zeros(1)
      .u16(transform.id)
      .octets(attributes);
  });
}

function encodeAttributes(transform: Transform): Uint8Array {
  const writer = new Writer(8);
  if (transform.keyLength !== undefined) writer.u16(ATTRIBUTE_FORMAT_TV | TransformAttributeType.KEY_LENGTH).u16(transform.keyLength);
  for (const { type, value } of transform.attributes ?? []) {
    if (type >= ATTRIBUTE_FORMAT_TV) throw new RangeError(`transform attribute type ${type} does not fit 15 bits`);
    if (typeof value === "number") writer.u16(ATTRIBUTE_FORMAT_TV | type).u16(value);
    else writer.u16(type).u16(value.length).octets(value);
  }
  return writer.finish();
}
