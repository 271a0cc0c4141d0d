/** AEAD by OpenSSL's libcrypto: contexts that keep their key, five calls per packet. */
import koffi from "koffi";
import type { LibraryHandle } from "koffi";
import { JOB_AAD, JOB_AAD_LENGTH, JOB_ICV, JOB_LENGTH, JOB_NONCE, JOB_PAYLOAD, JOB_SIZE } from "../../kernels/layout.ts";
import type { EspCipher } from "../../ipsec/sadb.ts";
import { addressOf } from "../../host/linux/libc.ts";
import { checkKey } from "./ciphers.ts";
import type { AeadEngine, EngineArena } from "./engine.ts";
import { EngineUnavailable, ICV_LENGTH } from "./engine.ts";
import { writeVerdict } from "./verdict.ts";

const LIBRARY = "libcrypto.so.3";
/** Pointers travel as Numbers, which pass faster than BigInts. */
type Address = number;

const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
const ENCRYPT = 1;
const DECRYPT = 0;

interface Libcrypto {
  version(selector: number): string;
  newContext(): bigint | null;
  freeContext(context: Address): void;
  fetchCipher(library: number, name: string, properties: null): bigint | null;
  freeCipher(cipher: Address): void;
  init(context: Address, cipher: Address, engine: number, key: Uint8Array | number, iv: Address, encrypt: number): number;
  update(context: Address, out: Address, outLength: Address, input: Address, length: number): number;
  final(context: Address, out: Address, outLength: Address): number;
  control(context: Address, command: number, argument: number, pointer: Address): number;
}

const CIPHER_NAMES: Readonly<Record<EspCipher, string>> = {
  aes128gcm16: "AES-128-GCM",
  aes256gcm16: "AES-256-GCM",
  chacha20poly1305: "ChaCha20-Poly1305",
};

export class OpensslEngine implements AeadEngine {
  readonly name = "openssl";
  readonly version: string;
  readonly #libcrypto: Libcrypto;
  readonly #base: number;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  /** Absolute address of an int that libcrypto writes lengths to; nobody reads it. */
  readonly #length: Address;
  /** Contexts by handle. 0 = free. */
  readonly #contexts: Address[] = [];
  readonly #freeHandles: number[] = [];

  /** @throws EngineUnavailable */
  constructor(memory: WebAssembly.Memory, arena: EngineArena) {
    this.#libcrypto = openLibcrypto();
    this.version = /\d+\.\d+\.\d+\w*/.exec(this.#libcrypto.version(0))?.[0] ?? "unknown";
    this.#base = addressOf(memory.buffer);
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#length = this.#base + arena.offset;
  }

  keySlotSize(): number {
    return 0;
  }

  expandKey(cipher: EspCipher, key: Uint8Array): number {
    checkKey(cipher, key);
    const { fetchCipher, freeCipher, newContext, init } = this.#libcrypto;
    const algorithm = Number(fetchCipher(0, CIPHER_NAMES[cipher], null) ?? 0n);
    if (algorithm === 0) throw new Error(`libcrypto has no ${CIPHER_NAMES[cipher]}`);
    const context = Number(newContext() ?? 0n);
    if (context === 0) throw new Error("libcrypto is out of memory");
    // The key schedule serves both directions: both modes only ever run the cipher forwards. The direction is set with each nonce.
    const done = init(context, algorithm, 0, key, 0, ENCRYPT);
    freeCipher(algorithm); // the context holds its own reference
    const handle = this.#freeHandles.pop() ?? this.#contexts.length;
    this.#contexts[handle] = context;
    if (done !== 1) {
      this.forgetKey(handle);
      throw new Error("libcrypto refuses a key");
    }
    return handle;
  }

  forgetKey(handle: number): void {
    this.#libcrypto.freeContext(this.#contextOf(handle)); // cleanses the key
    this.#contexts[handle] = 0;
    this.#freeHandles.push(handle);
  }

  seal(handle: number, batch: number, n: number): void {
    const { final, control } = this.#libcrypto;
    const context = this.#contextOf(handle);
    for (let i = 0; i < n; i++) {
      const job = (batch + i * JOB_SIZE) >> 2;
      this.#transform(context, job, ENCRYPT);
      const icv = this.#base + (this.#u32[job + (JOB_ICV >> 2)] as number);
      if (final(context, icv, this.#length) !== 1 || control(context, EVP_CTRL_AEAD_GET_TAG, ICV_LENGTH, icv) !== 1) {
        throw new Error("libcrypto cannot seal a packet");
      }
    }
  }

  open(handle: number, batch: number, n: number): void {
    const { final, control } = this.#libcrypto;
    const context = this.#contextOf(handle);
    const u32 = this.#u32;
    for (let i = 0; i < n; i++) {
      const job = (batch + i * JOB_SIZE) >> 2;
      const received = (u32[job + (JOB_PAYLOAD >> 2)] as number) + (u32[job + (JOB_LENGTH >> 2)] as number);
      const icv = u32[job + (JOB_ICV >> 2)] as number;
      this.#transform(context, job, DECRYPT);
      if (control(context, EVP_CTRL_AEAD_SET_TAG, ICV_LENGTH, this.#base + received) !== 1) throw new Error("libcrypto cannot take an ICV");
      writeVerdict(this.#u8, received, icv, final(context, this.#base + icv, this.#length) === 1);
    }
  }

  /** Nonce, AAD and payload of the descriptor at word `job`. */
  #transform(context: Address, job: number, direction: number): void {
    const { init, update } = this.#libcrypto;
    const u32 = this.#u32;
    const base = this.#base;
    const payload = base + (u32[job + (JOB_PAYLOAD >> 2)] as number);
    const aad = base + (u32[job + (JOB_AAD >> 2)] as number);
    const nonce = base + (u32[job + (JOB_NONCE >> 2)] as number);
    if (
      init(context, 0, 0, 0, nonce, direction) !== 1 ||
      update(context, 0, this.#length, aad, u32[job + (JOB_AAD_LENGTH >> 2)] as number) !== 1 ||
      update(context, payload, this.#length, payload, u32[job + (JOB_LENGTH >> 2)] as number) !== 1
    ) {
      throw new Error("libcrypto cannot transform a packet");
    }
  }

  /** @throws Error for a handle that names no key: a null context would crash the process. */
  #contextOf(handle: number): Address {
    const context = this.#contexts[handle] ?? 0;
    if (context === 0) throw new Error(`there is no key ${handle}`);
    return context;
  }
}

function openLibcrypto(): Libcrypto {
  let library: LibraryHandle;
  try {
    // Deep: Node has an OpenSSL of its own inside, whose symbols must not be taken for this one's.
    library = koffi.load(LIBRARY, { deep: true });
  } catch {
    throw new EngineUnavailable("openssl", `${LIBRARY} is not installed (Debian and Ubuntu: apt-get install libssl3)`);
  }
  return {
    version: library.func("str OpenSSL_version(int selector)") as Libcrypto["version"],
    newContext: library.func("void *EVP_CIPHER_CTX_new()") as Libcrypto["newContext"],
    freeContext: library.func("void EVP_CIPHER_CTX_free(void *context)") as Libcrypto["freeContext"],
    fetchCipher: library.func("void *EVP_CIPHER_fetch(void *library, str name, str properties)") as Libcrypto["fetchCipher"],
    freeCipher: library.func("void EVP_CIPHER_free(void *cipher)") as Libcrypto["freeCipher"],
    init: library.func(
      "int EVP_CipherInit_ex(void *context, void *cipher, void *engine, void *key, void *iv, int encrypt)",
    ) as Libcrypto["init"],
    update: library.func("int EVP_CipherUpdate(void *context, void *out, void *outLength, void *in, int length)") as Libcrypto["update"],
    final: library.func("int EVP_CipherFinal_ex(void *context, void *out, void *outLength)") as Libcrypto["final"],
    control: library.func("int EVP_CIPHER_CTX_ctrl(void *context, int command, int argument, void *pointer)") as Libcrypto["control"],
  };
}
