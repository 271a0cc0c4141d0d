/** Traffic Selector payloads and their substructures (RFC 7296 §3.13, §3.13.1). */
import type { AddressFamily } from "../address.ts";
import { MalformedMessage } from "../errors.ts";
import { TrafficSelectorType } from "../iana/index.ts";
import { Reader, Writer } from "../octets.ts";
import { hasOpaquePorts, type TrafficSelector } from "../traffic-selector.ts";

export interface TsPayload {
  readonly type: "TSi" | "TSr";
  readonly selectors: readonly TrafficSelector[];
  /**
   * How many selectors of unknown TS Type were received and left out of `selectors`; absent = none. With labels (RFC 9478) this says
   * that a peer wanted something that we cannot grant. Ignored when encoding.
   */
  readonly skipped?: number;
}

/** TS Type, protocol, length and two ports. */
const SELECTOR_HEADER_LENGTH = 8;

export function decodeTs(type: TsPayload["type"], body: Uint8Array): TsPayload {
  const reader = new Reader(body);
  const count = reader.u8();
  reader.skip(3);
  if (count === 0) throw new MalformedMessage("bad-count", `${type} without a selector`);
  const selectors: TrafficSelector[] = [];
  for (let index = 0; index < count; index++) {
    const selector = decodeSelector(reader);
    if (selector !== undefined) selectors.push(selector);
  }
  reader.expectEnd(type);
  const skipped = count - selectors.length;
  return { type, selectors, ...(skipped === 0 ? {} : { skipped }) };
}

/** Undefined for a TS Type that we do not know: such a selector is skipped, the payload stands (RFC 7296 §2.9). */
function decodeSelector(reader: Reader): TrafficSelector | undefined {
  const type = reader.u8();
  const protocol = reader.u8();
  const length = reader.u16();
  if (length < 4) throw new MalformedMessage("bad-length", `traffic selector length ${length}`);
  const body = new Reader(reader.take(length - 4));
  const family = familyOf(type);
  if (family === undefined) return undefined;

  const startPort = body.u16();
  const endPort = body.u16();
  const start = body.unsigned(addressLength(family));
  const end = body.unsigned(addressLength(family));
  body.expectEnd(TrafficSelectorType.nameOf(type));
  const selector = { family, protocol, startPort, endPort, start, end };
  if (start > end) throw new MalformedMessage("bad-selector", "the address range ends before it starts");
  if (startPort > endPort && !hasOpaquePorts(selector)) throw new MalformedMessage("bad-selector", `port range ${startPort} to ${endPort}`);
  return selector;
}

/** Throws RangeError for more than 255 selectors: the count is one octet. */
export function encodeTs(payload: TsPayload): Uint8Array {
  const writer = new Writer().u8(payload.selectors.length).zeros(3);
  for (const selector of payload.selectors) {
    const octetsPerAddress = addressLength(selector.family);
    writer
      .u8(selector.family === 4 ? TrafficSelectorType.TS_IPV4_ADDR_RANGE : TrafficSelectorType.TS_IPV6_ADDR_RANGE)
      .u8(selector.protocol)
      .u16(SELECTOR_HEADER_LENGTH + 2 * octetsPerAddress)
      .u16(selector.startPort)
      .u16(selector.endPort)
      .unsigned(selector.start, octetsPerAddress)
      .unsigned(selector.end, octetsPerAddress);
  }
  return writer.finish();
}

const addressLength = (family: AddressFamily): number => (family === 4 ? 4 : 16);

function familyOf(type: number): AddressFamily | undefined {
  if (type === TrafficSelectorType.TS_IPV4_ADDR_RANGE) return 4;
  if (type === TrafficSelectorType.TS_IPV6_ADDR_RANGE) return 6;
  return undefined;
}
