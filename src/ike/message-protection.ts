/** Sealing and opening the messages of one IKE SA (RFC 7296 §3.14, RFC 5282) with its negotiated cipher and its SK_e and SK_a keys. */
import type { Entropy } from "../crypto/entropy.ts";
import type { IkeCipherSuite } from "../crypto/ike-cipher.ts";
import type { IkeKeys } from "../crypto/ike-keys.ts";
import { encodeFragments } from "../wire/fragmentation.ts";
import {
  encodeProtected,
  protectedLength,
  type BodySealer,
  type DecodedMessage,
  type EncodedChain,
  type MessageHeader,
} from "../wire/message.ts";
import { Writer } from "../wire/octets.ts";
import { BrokenInvariant } from "./errors.ts";

/** An AEAD key lives for far fewer messages than its nonce counts; reaching this means that something loops. */
const MAX_MESSAGES_PER_KEY = 2 ** 48;

export class MessageProtection {
  readonly #cipher: IkeCipherSuite;
  readonly #entropy: Entropy;
  readonly #out: { readonly encryptionKey: Uint8Array; readonly integrityKey: Uint8Array };
  readonly #in: { readonly encryptionKey: Uint8Array; readonly integrityKey: Uint8Array };
  #sealed = 0;

  /** The keys stay the caller's, who wipes them when the IKE SA dies. */
  constructor(cipher: IkeCipherSuite, keys: IkeKeys, isOriginalInitiator: boolean, entropy: Entropy) {
    const initiator = { encryptionKey: keys.skEi, integrityKey: keys.skAi };
    const responder = { encryptionKey: keys.skEr, integrityKey: keys.skAr };
    this.#cipher = cipher;
    this.#entropy = entropy;
    this.#out = isOriginalInitiator ? initiator : responder;
    this.#in = isOriginalInitiator ? responder : initiator;
  }

  /**
   * The datagrams of one message: one that holds it whole, or fragments if it would be longer than `room` octets. Never call it twice for one
   * message ID: repetitions send the same octets (RFC 7296 §2.1).
   */
  seal(header: MessageHeader, inner: EncodedChain, room: number): readonly Uint8Array[] {
    const sealer = this.#sealer();
    if (protectedLength(inner.octets.length, sealer) <= room) return [encodeProtected(header, inner, sealer)];
    return encodeFragments(header, inner, room, sealer);
  }

  /** What is inside the SK payload, or is this fragment's part of it; "integrity" if the message is not the peer's. */
  open({ payloads, aad }: DecodedMessage): Uint8Array | "unprotected" | "integrity" {
    const encrypted = payloads.at(-1);
    if ((encrypted?.type !== "SK" && encrypted?.type !== "SKF") || aad === undefined) return "unprotected";
    return this.#cipher.open({ ...this.#in, aad, body: encrypted.body }) ?? "integrity";
  }

  #sealer(): BodySealer {
    return {
      bodyLength: (length) => this.#cipher.bodyLength(length),
      seal: (aad, plaintext) => this.#cipher.seal({ ...this.#out, aad, iv: this.#nextIv(), plaintext }),
    };
  }

  /** An AEAD's IV must never repeat under one key, and a counter is the simplest proof of that (RFC 5282 §3); CBC needs it unpredictable. */
  #nextIv(): Uint8Array {
    if (++this.#sealed > MAX_MESSAGES_PER_KEY) throw new BrokenInvariant("too many messages under one IKE key");
    if (this.#cipher.ivLength !== 8) return this.#entropy.bytes(this.#cipher.ivLength);
    return new Writer(8).u64(BigInt(this.#sealed)).finish();
  }
}
