/** The functions of OpenSSL's libcrypto that the engine calls. */
import koffi from "koffi";
import type { LibraryHandle } from "koffi";
import { EngineUnavailable } from "./engine.ts";

const LIBRARY = "libcrypto.so.3";

/** Pointers travel as Numbers, which pass faster than BigInts. */
export type Address = number;

/** `OSSL_PARAM` (openssl/params.h): a list ends with one whose key is null. */
interface Parameter {
  readonly key: string | null;
  readonly data_type: number;
  readonly data: string | null;
  readonly data_size: number;
  readonly return_size: number;
}

const UTF8_STRING = 4;

/** The digest of an HMAC, as EVP_MAC_init takes it. */
export function digestParameters(digest: string): Parameter[] {
  return [
    { key: "digest", data_type: UTF8_STRING, data: digest, data_size: digest.length, return_size: 0 },
    { key: null, data_type: 0, data: null, data_size: 0, return_size: 0 },
  ];
}

/** Functions that return an int return 1 when all is well. */
export interface Libcrypto {
  version(selector: number): string;
  newContext(): bigint | null;
  freeContext(context: Address): void;
  fetchCipher(library: number, name: string, properties: null): bigint | null;
  freeCipher(cipher: Address): void;
  setPadding(context: Address, padding: number): number;
  init(context: Address, cipher: Address, engine: number, key: Uint8Array | number, iv: Address, encrypt: number): number;
  update(context: Address, out: Address, outLength: Address, input: Address, length: number): number;
  final(context: Address, out: Address, outLength: Address): number;
  control(context: Address, command: number, argument: number, pointer: Address): number;
  fetchMac(library: number, name: string, properties: null): bigint | null;
  freeMac(mac: Address): void;
  newMacContext(mac: Address): bigint | null;
  freeMacContext(context: Address): void;
  /** With a key, or without one for the next message under the same key. */
  initMac(context: Address, key: Uint8Array | null, keyLength: number, parameters: readonly Parameter[] | null): number;
  updateMac(context: Address, data: Address, length: number): number;
  finalMac(context: Address, out: Address, outLength: Address, outSize: number): number;
}

const PARAMETER = koffi.struct({ key: "str", data_type: "uint", data: "str", data_size: "size_t", return_size: "size_t" });

/** @throws EngineUnavailable */
export function openLibcrypto(): Libcrypto {
  const library = loadLibrary();
  const initMac = library.func("EVP_MAC_init", "int", ["void *", "void *", "size_t", koffi.pointer(PARAMETER)]);
  return {
    version: library.func("str OpenSSL_version(int selector)") as Libcrypto["version"],
    newContext: library.func("void *EVP_CIPHER_CTX_new()") as Libcrypto["newContext"],
    freeContext: library.func("void EVP_CIPHER_CTX_free(void *context)") as Libcrypto["freeContext"],
    fetchCipher: library.func("void *EVP_CIPHER_fetch(void *library, str name, str properties)") as Libcrypto["fetchCipher"],
    freeCipher: library.func("void EVP_CIPHER_free(void *cipher)") as Libcrypto["freeCipher"],
    setPadding: library.func("int EVP_CIPHER_CTX_set_padding(void *context, int padding)") as Libcrypto["setPadding"],
    init: library.func(
      "int EVP_CipherInit_ex(void *context, void *cipher, void *engine, void *key, void *iv, int encrypt)",
    ) as Libcrypto["init"],
    update: library.func("int EVP_CipherUpdate(void *context, void *out, void *outLength, void *in, int length)") as Libcrypto["update"],
    final: library.func("int EVP_CipherFinal_ex(void *context, void *out, void *outLength)") as Libcrypto["final"],
    control: library.func("int EVP_CIPHER_CTX_ctrl(void *context, int command, int argument, void *pointer)") as Libcrypto["control"],
    fetchMac: library.func("void *EVP_MAC_fetch(void *library, str name, str properties)") as Libcrypto["fetchMac"],
    freeMac: library.func("void EVP_MAC_free(void *mac)") as Libcrypto["freeMac"],
    newMacContext: library.func("void *EVP_MAC_CTX_new(void *mac)") as Libcrypto["newMacContext"],
    freeMacContext: library.func("void EVP_MAC_CTX_free(void *context)") as Libcrypto["freeMacContext"],
    initMac: initMac,
    updateMac: library.func("int EVP_MAC_update(void *context, void *data, size_t length)") as Libcrypto["updateMac"],
    finalMac: library.func("int EVP_MAC_final(void *context, void *out, void *outLength, size_t outSize)") as Libcrypto["finalMac"],
  };
}

function loadLibrary(): LibraryHandle {
  try {
    // Deep: Node has an OpenSSL of its own inside, whose symbols must not be taken for this one's.
    return koffi.load(LIBRARY, { deep: true });
  } catch {
    throw new EngineUnavailable("openssl", `${LIBRARY} is not installed (Debian and Ubuntu: apt-get install libssl3)`);
  }
}
