/** The ciphers by OpenSSL's libcrypto: contexts that keep their key, five to seven calls per packet. */
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import { propertiesOf } from "../../ipsec/esp-cipher.ts";
import type { EspCipher, EspCipherProperties, EspMac } from "../../ipsec/esp-cipher.ts";
import { addressOf } from "../../host/linux/libc.ts";
import { checkKey } from "./ciphers.ts";
import type { CipherEngine, EngineArena } from "./engine.ts";
import { digestParameters, openLibcrypto } from "./openssl-library.ts";
import type { Address, Libcrypto } from "./openssl-library.ts";
import { writeVerdict } from "./verdict.ts";

const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
const ENCRYPT = 1;
const DECRYPT = 0;
/** Octets of the longest digest. */
const DIGEST_ROOM = 64;

const DIGESTS: Readonly<Record<EspMac, string>> = { sha1: "SHA1", sha256: "SHA2-256", sha384: "SHA2-384", sha512: "SHA2-512" };

/** Contexts of one key. Each is 0 until it is made. */
interface Contexts {
  readonly icvLength: number;
  encrypt: Address;
  /** The same as `encrypt` for an AEAD: both its modes only ever run the cipher forwards, and the direction is set with each nonce. */
  decrypt: Address;
  /** 0 for an AEAD. */
  mac: Address;
}

export class OpensslEngine implements CipherEngine {
  readonly name = "openssl";
  readonly version: string;
  readonly #libcrypto: Libcrypto;
  readonly #base: number;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  /** Absolute address of a size_t that libcrypto writes lengths to; nobody reads it. */
  readonly #length: Address;
  /** Offset of the digest that an ICV is cut from. */
  readonly #digest: number;
  /** By handle. */
  readonly #keys: (Contexts | undefined)[] = [];
  readonly #freeHandles: number[] = [];

  /** @throws EngineUnavailable */
  constructor(memory: WebAssembly.Memory, arena: EngineArena) {
    this.#libcrypto = openLibcrypto();
    this.version = /\d+\.\d+\.\d+\w*/.exec(this.#libcrypto.version(0))?.[0] ?? "unknown";
    this.#base = addressOf(memory.buffer);
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#length = this.#base + arena.offset;
    this.#digest = arena.offset + 8;
  }

  keySlotSize(): number {
    return 0;
  }

  expandKey(name: EspCipher, key: Uint8Array): number {
    checkKey(name, key);
    const cipher = propertiesOf(name);
    const contexts: Contexts = { icvLength: cipher.icvLength, encrypt: 0, decrypt: 0, mac: 0 };
    try {
      const cipherKey = key.subarray(0, cipher.keyLength);
      contexts.encrypt = this.#cipherContext(cipher, cipherKey, ENCRYPT);
      contexts.decrypt = cipher.mac === undefined ? contexts.encrypt : this.#cipherContext(cipher, cipherKey, DECRYPT);
      if (cipher.mac !== undefined) contexts.mac = this.#macContext(cipher.mac, key.subarray(cipher.keyLength));
    } catch (error) {
      this.#free(contexts);
      throw error;
    }
    const handle = this.#freeHandles.pop() ?? this.#keys.length;
    this.#keys[handle] = contexts;
    return handle;
  }

  forgetKey(handle: number): void {
    this.#free(this.#contextsOf(handle));
    this.#keys[handle] = undefined;
    this.#freeHandles.push(handle);
  }

  seal(handle: number, batch: number, n: number): void {
    const contexts = this.#contextsOf(handle);
    for (let i = 0; i < n; i++) {
      const job = (batch + i * JOB_SIZE) >> 2;
      if (contexts.mac === 0) this.#sealAead(contexts, job);
      else {
        this.#transform(contexts.encrypt, job, ENCRYPT);
        this.#authenticate(contexts, job);
      }
    }
  }

  open(handle: number, batch: number, n: number): void {
    const contexts = this.#contextsOf(handle);
    for (let i = 0; i < n; i++) {
      const job = (batch + i * JOB_SIZE) >> 2;
      if (contexts.mac === 0) this.#openAead(contexts, job);
      else {
        this.#authenticate(contexts, job);
        this.#transform(contexts.decrypt, job, DECRYPT);
      }
    }
  }

  #sealAead({ encrypt, icvLength }: Contexts, job: number): void {
    const { final, control } = this.#libcrypto;
    const icv = this.#base + (this.#u32[job + (JOB_ICV >> 2)] as number);
    this.#transform(encrypt, job, ENCRYPT, true);
    if (final(encrypt, icv, this.#length) !== 1 || control(encrypt, EVP_CTRL_AEAD_GET_TAG, icvLength, icv) !== 1) {
      throw new Error("libcrypto cannot seal a packet");
    }
  }

  #openAead({ decrypt, icvLength }: Contexts, job: number): void {
    const { final, control } = this.#libcrypto;
    const u32 = this.#u32;
    const received = (u32[job + (JOB_PAYLOAD >> 2)] as number) + (u32[job + (JOB_LENGTH >> 2)] as number);
    const icv = u32[job + (JOB_ICV >> 2)] as number;
    this.#transform(decrypt, job, DECRYPT, true);
    if (control(decrypt, EVP_CTRL_AEAD_SET_TAG, icvLength, this.#base + received) !== 1) throw new Error("libcrypto cannot take an ICV");
    writeVerdict(this.#u8, received, icv, icvLength, final(decrypt, this.#base + icv, this.#length) === 1);
  }

  /** Nonce, AAD (of an AEAD) and payload of the descriptor at word `job`. */
  #transform(context: Address, job: number, direction: number, withAad = false): void {
    const { init, update } = this.#libcrypto;
    const u32 = this.#u32;
    const base = this.#base;
    const payload = base + (u32[job + (JOB_PAYLOAD >> 2)] as number);
    const aad = base + (u32[job + (JOB_AAD >> 2)] as number);
    const nonce = base + (u32[job + (JOB_NONCE >> 2)] as number);
    if (
      init(context, 0, 0, 0, nonce, direction) !== 1 ||
      (withAad && update(context, 0, this.#length, aad, u32[job + (JOB_AAD_LENGTH >> 2)] as number) !== 1) ||
      update(context, payload, this.#length, payload, u32[job + (JOB_LENGTH >> 2)] as number) !== 1
    ) {
      throw new Error("libcrypto cannot transform a packet");
    }
  }

  /** Writes the ICV of what the descriptor at word `job` says is to be authenticated. */
  #authenticate({ mac, icvLength }: Contexts, job: number): void {
    const { initMac, updateMac, finalMac } = this.#libcrypto;
    const u32 = this.#u32;
    const authenticated = this.#base + (u32[job + (JOB_AAD >> 2)] as number);
    if (
      initMac(mac, null, 0, null) !== 1 ||
      updateMac(mac, authenticated, u32[job + (JOB_AAD_LENGTH >> 2)] as number) !== 1 ||
      finalMac(mac, this.#base + this.#digest, this.#length, DIGEST_ROOM) !== 1
    ) {
      throw new Error("libcrypto cannot authenticate a packet");
    }
    this.#u8.copyWithin(u32[job + (JOB_ICV >> 2)] as number, this.#digest, this.#digest + icvLength);
  }

  #cipherContext(cipher: EspCipherProperties, key: Uint8Array, direction: number): Address {
    const { fetchCipher, freeCipher, newContext, freeContext, init, setPadding } = this.#libcrypto;
    const name = nameOf(cipher);
    const algorithm = Number(fetchCipher(0, name, null) ?? 0n);
    if (algorithm === 0) throw new Error(`libcrypto has no ${name}`);
    const context = Number(newContext() ?? 0n);
    // ESP pads by itself.
    const done = context !== 0 && init(context, algorithm, 0, key, 0, direction) === 1 && setPadding(context, 0) === 1;
    freeCipher(algorithm); // the context holds its own reference
    if (done) return context;
    freeContext(context);
    throw new Error("libcrypto refuses a key");
  }

  #macContext(mac: EspMac, key: Uint8Array): Address {
    const { fetchMac, freeMac, newMacContext, freeMacContext, initMac } = this.#libcrypto;
    const algorithm = Number(fetchMac(0, "HMAC", null) ?? 0n);
    if (algorithm === 0) throw new Error("libcrypto has no HMAC");
    const context = Number(newMacContext(algorithm) ?? 0n);
    const done = context !== 0 && initMac(context, key, key.length, digestParameters(DIGESTS[mac])) === 1;
    freeMac(algorithm); // the context holds its own reference
    if (done) return context;
    freeMacContext(context);
    throw new Error("libcrypto refuses an integrity key");
  }

  /** Freeing cleanses the keys; freeing 0 is nothing. */
  #free({ encrypt, decrypt, mac }: Contexts): void {
    const { freeContext, freeMacContext } = this.#libcrypto;
    freeContext(encrypt);
    if (decrypt !== encrypt) freeContext(decrypt);
    freeMacContext(mac);
  }

  /** @throws Error for a handle that names no key */
  #contextsOf(handle: number): Contexts {
    const contexts = this.#keys[handle];
    if (contexts === undefined) throw new Error(`there is no key ${handle}`);
    return contexts;
  }
}

/** As libcrypto calls it. */
function nameOf({ mode, keyLength }: EspCipherProperties): string {
  return mode === "chacha20poly1305" ? "ChaCha20-Poly1305" : `AES-${keyLength * 8}-${mode.toUpperCase()}`;
}
