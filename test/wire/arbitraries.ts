/** Random but legal meanings of everything that src/wire encodes. Unknown numbers are drawn as often as known ones. */
import fc from "fast-check";
import { PayloadType, ProtocolId } from "../../src/wire/iana/index.ts";
import { ikeSpi } from "../../src/wire/ike-header.ts";
import type { MessageHeader } from "../../src/wire/message.ts";
import type { Payload, PayloadOf } from "../../src/wire/payload.ts";
import type { Proposal, Transform } from "../../src/wire/proposal.ts";
import { OPAQUE_PORTS, type TrafficSelector } from "../../src/wire/traffic-selector.ts";

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
export const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
export const octets = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength, maxLength });

const KEY_LENGTH = 14;

const attribute = fc.record({
  type: fc.integer({ min: 0, max: 0x7fff }).filter((type) => type !== KEY_LENGTH),
  value: fc.oneof(u16, octets(0, 12)),
});

export const transform: fc.Arbitrary<Transform> = fc.record(
  { type: u8, id: u16, keyLength: u16, attributes: fc.array(attribute, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ["type", "id"] },
);

const protocolAndSpi = fc.oneof(
  fc.record({ protocolId: fc.constant(ProtocolId.IKE), spi: fc.oneof(octets(0, 0), octets(8, 8)) }),
  fc.record({ protocolId: fc.constantFrom(ProtocolId.ESP, ProtocolId.AH), spi: octets(4, 4) }),
  fc.record({ protocolId: fc.integer({ min: 4, max: 255 }), spi: octets(0, 20) }),
);

/** Numbered on from a first that may be any, as in an answer. */
export const proposals: fc.Arbitrary<Proposal[]> = fc
  .tuple(
    fc.integer({ min: 1, max: 200 }),
    fc.array(fc.tuple(protocolAndSpi, fc.array(transform, { minLength: 1, maxLength: 6 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([first, list]) => list.map(([identity, transforms], index) => ({ number: first + index, ...identity, transforms })));

const ports = fc.oneof(
  { weight: 1, arbitrary: fc.constant(OPAQUE_PORTS) },
  { weight: 4, arbitrary: fc.tuple(u16, u16).map(([a, b]) => ({ startPort: Math.min(a, b), endPort: Math.max(a, b) })) },
);

const addresses = (family: 4 | 6): fc.Arbitrary<Pick<TrafficSelector, "family" | "start" | "end">> => {
  const address = fc.bigInt({ min: 0n, max: family === 4 ? 2n ** 32n - 1n : 2n ** 128n - 1n });
  return fc.tuple(address, address).map(([a, b]) => ({ family, start: a < b ? a : b, end: a < b ? b : a }));
};

export const trafficSelector: fc.Arbitrary<TrafficSelector> = fc
  .tuple(fc.oneof(addresses(4), addresses(6)), u8, ports)
  .map(([range, protocol, portRange]) => ({ ...range, protocol, ...portRange }));

const deletePayload: fc.Arbitrary<PayloadOf<"DELETE">> = fc.oneof(
  fc.constant({ type: "DELETE", protocolId: ProtocolId.IKE, spiSize: 0, spis: [] } as const),
  fc.array(octets(4, 4), { maxLength: 5 }).map((spis) => ({ type: "DELETE" as const, protocolId: ProtocolId.ESP, spiSize: 4, spis })),
  fc.array(octets(3, 3), { maxLength: 5 }).map((spis) => ({ type: "DELETE" as const, protocolId: 200, spiSize: 3, spis })),
);

const unknownType = u8.filter((type) => type !== 0 && (type < 33 || type > 48) && type !== PayloadType.SKF);

/** One arbitrary for each payload that can stand anywhere in a chain. */
export const payloadByType: { readonly [Type in Exclude<Payload["type"], "SK" | "SKF">]: fc.Arbitrary<PayloadOf<Type>> } = {
  SA: fc.record({ type: fc.constant("SA"), proposals }),
  KE: fc.record({ type: fc.constant("KE"), method: u16, data: octets(0, 64) }),
  IDi: fc.record({ type: fc.constant("IDi"), idType: u8, data: octets(0, 32) }),
  IDr: fc.record({ type: fc.constant("IDr"), idType: u8, data: octets(0, 32) }),
  CERT: fc.record({ type: fc.constant("CERT"), encoding: u8, data: octets(0, 64) }),
  CERTREQ: fc.record({ type: fc.constant("CERTREQ"), encoding: u8, data: octets(0, 60) }),
  AUTH: fc.record({ type: fc.constant("AUTH"), method: u8, data: octets(0, 64) }),
  NONCE: fc.record({ type: fc.constant("NONCE"), data: octets(16, 256) }),
  NOTIFY: fc.record({ type: fc.constant("NOTIFY"), protocolId: u8, spi: octets(0, 8), notifyType: u16, data: octets(0, 64) }),
  DELETE: deletePayload,
  VENDOR: fc.record({ type: fc.constant("VENDOR"), data: octets(0, 32) }),
  TSi: fc.record({ type: fc.constant("TSi"), selectors: fc.array(trafficSelector, { minLength: 1, maxLength: 6 }) }),
  TSr: fc.record({ type: fc.constant("TSr"), selectors: fc.array(trafficSelector, { minLength: 1, maxLength: 6 }) }),
  CP: fc.record({
    type: fc.constant("CP"),
    configType: u8,
    attributes: fc.array(fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: octets(0, 17) }), { maxLength: 5 }),
  }),
  EAP: fc.record({ type: fc.constant("EAP"), data: octets(0, 32) }),
  UNKNOWN: fc.record({ type: fc.constant("UNKNOWN"), payloadType: unknownType, critical: fc.boolean(), body: octets(0, 32) }),
};

export const payload: fc.Arbitrary<Payload> = fc.oneof(...Object.values<fc.Arbitrary<Payload>>(payloadByType));
export const payloads: fc.Arbitrary<Payload[]> = fc.array(payload, { maxLength: 8 });

export const skPayload: fc.Arbitrary<PayloadOf<"SK">> = fc.record({ type: fc.constant("SK"), firstInner: u8, body: octets(0, 64) });

export const skfPayload: fc.Arbitrary<PayloadOf<"SKF">> = fc
  .record({ number: u16, total: u16, firstInner: u8, body: octets(0, 64) })
  .filter(({ number, total }) => number >= 1 && number <= total)
  .map(({ number, total, firstInner, body }) => ({
    type: "SKF",
    firstInner: number === 1 ? firstInner : 0,
    fragmentNumber: number,
    totalFragments: total,
    body,
  }));

export const messageHeader: fc.Arbitrary<MessageHeader> = fc.record({
  initiatorSpi: u64.map(ikeSpi),
  responderSpi: u64.map(ikeSpi),
  exchangeType: u8,
  isInitiator: fc.boolean(),
  isResponse: fc.boolean(),
  messageId: u32,
  minorVersion: fc.integer({ min: 0, max: 15 }),
  higherVersion: fc.boolean(),
});
