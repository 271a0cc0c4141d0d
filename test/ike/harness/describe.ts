/** IKE messages as ladders write them: "IKE_AUTH 1 { IDi, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr } -->". */
import { ikeCipherFor, type IkeCipherSuite } from "../../../src/crypto/ike-cipher.ts";
import type { KeyMaterial } from "../../../src/ike/events.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../../src/wire/iana/index.ts";
import { formatIkeSpi } from "../../../src/wire/ike-header.ts";
import { decodeMessage, decodePayloadChain } from "../../../src/wire/message.ts";
import type { Payload } from "../../../src/wire/payload.ts";

interface MessageKeys {
  readonly cipher: IkeCipherSuite;
  readonly initiator: { readonly encryptionKey: Uint8Array; readonly integrityKey: Uint8Array };
  readonly responder: { readonly encryptionKey: Uint8Array; readonly integrityKey: Uint8Array };
}

/** Decrypts with the keys that the hosts hand out through `onKeys`, as Wireshark would. */
export class MessageReader {
  /** Several for an IKE SA whose keys IKE_INTERMEDIATE has replaced. */
  readonly #keys = new Map<string, MessageKeys[]>();

  learn(keys: KeyMaterial): void {
    if (keys.kind !== "ike") return;
    const { id, keyLength } = keys.encryption;
    const cipher = ikeCipherFor(
      keyLength === 0 ? { id } : { id, keyLength },
      keys.integrity === undefined ? undefined : { id: keys.integrity },
    );
    if (cipher === undefined) throw new Error(`cipher ${id} cannot be read`);
    const known = this.#keys.get(keys.initiatorSpi + keys.responderSpi) ?? [];
    known.push({
      cipher,
      // Copies: the endpoint wipes its own.
      initiator: { encryptionKey: keys.skEi.slice(), integrityKey: keys.skAi.slice() },
      responder: { encryptionKey: keys.skEr.slice(), integrityKey: keys.skAr.slice() },
    });
    this.#keys.set(keys.initiatorSpi + keys.responderSpi, known);
  }

  /** A long run is not to be made of keys. */
  forget(): void {
    this.#keys.clear();
  }

  payloads(octets: Uint8Array): readonly Payload[] {
    const message = decodeMessage(octets);
    const { header, aad } = message;
    const last = message.payloads.at(-1);
    if ((last?.type !== "SK" && last?.type !== "SKF") || aad === undefined) return message.payloads;
    const keys = this.#keys.get(formatIkeSpi(header.initiatorSpi) + formatIkeSpi(header.responderSpi)) ?? [];
    const plaintext = keys
      .map(({ cipher, initiator, responder }) => cipher.open({ ...(header.isInitiator ? initiator : responder), aad, body: last.body }))
      .find((opened) => opened !== undefined);
    // Half a payload cannot be read.
    if (plaintext === undefined || last.type === "SKF") return message.payloads;
    return decodePayloadChain(last.firstInner, plaintext).payloads;
  }

  /** Without an arrow: exchange, message ID, R for a response, payloads. */
  describe(octets: Uint8Array): string {
    const { header } = decodeMessage(octets);
    const names = this.payloads(octets).map(nameOf).join(", ");
    const kind = `${ExchangeType.nameOf(header.exchangeType)} ${header.messageId}${header.isResponse ? " R" : ""}`;
    return names === "" ? `${kind} { }` : `${kind} { ${names} }`;
  }
}

function nameOf(payload: Payload): string {
  switch (payload.type) {
    case "NOTIFY":
      return `N(${NotifyType.nameOf(payload.notifyType)})`;
    case "DELETE":
      return payload.protocolId === ProtocolId.IKE ? "D(IKE)" : `D(${payload.spis.length})`;
    case "SKF":
      return `SKF(${payload.fragmentNumber}/${payload.totalFragments})`;
    case "UNKNOWN":
      return `unknown(${payload.payloadType})`;
    default:
      return payload.type;
  }
}
