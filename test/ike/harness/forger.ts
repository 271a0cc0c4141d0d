/** A peer of our making: it has the keys of the IKE SA, and puts under protection whatever it likes. */
import { ikeCipherFor, type IkeCipherSuite } from "../../../src/crypto/ike-cipher.ts";
import type { KeyMaterial } from "../../../src/ike/events.ts";
import { ikeSpi } from "../../../src/wire/ike-header.ts";
import { encodePayloadChain, encodeProtected, type MessageHeader } from "../../../src/wire/message.ts";
import type { Payload } from "../../../src/wire/payload.ts";
import type { World } from "./world.ts";

export interface Forgery {
  readonly exchangeType: number;
  readonly messageId: number;
  readonly payloads: readonly Payload[];
}

type IkeKeyMaterial = Extract<KeyMaterial, { kind: "ike" }>;

/** One that learns the keys of the world's IKE SAs as they are made. */
export function forgerIn(world: Pick<World, "onKeys">): Forger {
  const forger = new Forger();
  world.onKeys = (keys) => forger.learn(keys);
  return forger;
}

export class Forger {
  #keys: { readonly material: IkeKeyMaterial; readonly cipher: IkeCipherSuite } | undefined;
  #sealed = 0;

  /** Of the newest IKE SA. */
  learn(keys: KeyMaterial): void {
    if (keys.kind !== "ike") return;
    const { id, keyLength } = keys.encryption;
    const cipher = ikeCipherFor({ id, keyLength });
    if (cipher === undefined) throw new Error("not an AEAD with key length");
    this.#keys = { material: { ...keys, skEi: keys.skEi.slice(), skEr: keys.skEr.slice() }, cipher };
  }

  /** A request of the original initiator. */
  request(forgery: Forgery): Uint8Array {
    return this.#seal(forgery, { isInitiator: true, isResponse: false });
  }

  /** A request of the original responder. */
  fromResponder(forgery: Forgery): Uint8Array {
    return this.#seal(forgery, { isInitiator: false, isResponse: false });
  }

  /** The original initiator's answer. */
  fromInitiator(forgery: Forgery): Uint8Array {
    return this.#seal(forgery, { isInitiator: true, isResponse: true });
  }

  /** The original responder's answer. */
  response(forgery: Forgery): Uint8Array {
    return this.#seal(forgery, { isInitiator: false, isResponse: true });
  }

  #seal({ exchangeType, messageId, payloads }: Forgery, flags: Pick<MessageHeader, "isInitiator" | "isResponse">): Uint8Array {
    if (this.#keys === undefined) throw new Error("there are no keys yet");
    const { material, cipher } = this.#keys;
    const spi = (hex: string): MessageHeader["initiatorSpi"] => ikeSpi(BigInt(`0x${hex}`));
    const header = {
      initiatorSpi: spi(material.initiatorSpi),
      responderSpi: spi(material.responderSpi),
      exchangeType,
      messageId,
      ...flags,
    };
    const iv = new Uint8Array(8);
    // Far from the counters of the real ends.
    new DataView(iv.buffer).setUint32(0, 0x7fffffff);
    new DataView(iv.buffer).setUint32(4, ++this.#sealed);
    const encryptionKey = flags.isInitiator ? material.skEi : material.skEr;
    return encodeProtected(header, encodePayloadChain(payloads), {
      bodyLength: (length) => cipher.bodyLength(length),
      seal: (aad, plaintext) => cipher.seal({ encryptionKey, integrityKey: new Uint8Array(0), aad, iv, plaintext }),
    });
  }
}
