/**
 * Where libipsec-mb keeps its things. The library's API is C structures and macros over them, so a caller without its header must know offsets,
 * and they may change with every release: only versions whose offsets were taken from their own header (`offsetof` on intel-ipsec-mb.h) are used.
 */
import type { EspCipherProperties, EspMac } from "../../ipsec/esp-cipher.ts";
import { EngineUnavailable } from "./engine.ts";

/** `struct IMB_JOB`: octets from its start. */
export interface JobLayout {
  readonly encKeys: number;
  readonly decKeys: number;
  readonly keyLength: number;
  readonly src: number;
  readonly dst: number;
  readonly cipherStart: number;
  readonly cipherLength: number;
  readonly hashStart: number;
  readonly hashLength: number;
  readonly iv: number;
  readonly ivLength: number;
  readonly tag: number;
  readonly tagLength: number;
  /** The same place in the unions of GCM and of ChaCha20-Poly1305. */
  readonly aad: number;
  readonly aadLength: number;
  /** Where HMAC's states after a block of key ^ ipad and of key ^ opad are. The same union: in the place of the AAD. */
  readonly hmacInner: number;
  readonly hmacOuter: number;
  readonly cipherMode: number;
  readonly cipherDirection: number;
  readonly hashAlgorithm: number;
  readonly chainOrder: number;
  /** The library never touches it. */
  readonly userData: number;
}

/** Octets. */
export type AesKeyLength = 16 | 24 | 32;

/** `struct IMB_MGR`: octets from its start, of function pointers unless said otherwise. */
export interface ManagerLayout {
  /** u32: what went wrong last. */
  readonly error: number;
  readonly keyExpansion: Readonly<Record<AesKeyLength, number>>;
  /** One block into a fresh state of the hash. */
  readonly oneBlock: Readonly<Record<EspMac, number>>;
  readonly gcmPre: Readonly<Record<AesKeyLength, number>>;
  readonly getNextBurst: number;
  /** Without checks of the arguments. */
  readonly submitBurst: number;
  readonly flushBurst: number;
}

export interface IpsecMbLayout {
  readonly job: JobLayout;
  readonly manager: ManagerLayout;
  /** Octets of `struct gcm_key_data`, rounded up to its alignment of 64. */
  readonly gcmKeyData: number;
  /** IMB_MAX_BURST_SIZE */
  readonly maxBurst: number;
  /** `imb_get_mb_mgr_size` must say this, or the header was another one. */
  readonly managerSize: number;
  readonly values: {
    readonly cipher: Readonly<Record<EspCipherProperties["mode"], number>>;
    readonly hash: Readonly<Record<EspMac | "gcm" | "chacha20poly1305", number>>;
    readonly encrypt: number;
    readonly decrypt: number;
    readonly cipherThenHash: number;
    readonly hashThenCipher: number;
  };
}

const V1_3: IpsecMbLayout = {
  job: {
    encKeys: 0,
    decKeys: 8,
    keyLength: 16,
    src: 24,
    dst: 32,
    cipherStart: 40,
    cipherLength: 48,
    hashStart: 56,
    hashLength: 64,
    iv: 72,
    ivLength: 80,
    tag: 88,
    tagLength: 96,
    aad: 104,
    aadLength: 112,
    hmacInner: 104,
    hmacOuter: 112,
    cipherMode: 132,
    cipherDirection: 136,
    hashAlgorithm: 140,
    chainOrder: 144,
    userData: 152,
  },
  manager: {
    error: 60,
    keyExpansion: { 16: 112, 24: 120, 32: 128 },
    oneBlock: { sha1: 160, sha256: 176, sha384: 184, sha512: 192 },
    gcmPre: { 16: 448, 24: 456, 32: 464 },
    getNextBurst: 952,
    submitBurst: 968,
    flushBurst: 976,
  },
  gcmKeyData: 1024,
  maxBurst: 128,
  managerSize: 200744,
  values: {
    cipher: { cbc: 1, ctr: 2, gcm: 5, chacha20poly1305: 19 },
    hash: { sha1: 1, sha256: 3, sha384: 4, sha512: 5, gcm: 9, chacha20poly1305: 29 },
    encrypt: 1,
    decrypt: 2,
    cipherThenHash: 1,
    hashThenCipher: 2,
  },
};

/** By major and minor number: a patch release does not change the ABI. */
const LAYOUTS: ReadonlyMap<number, IpsecMbLayout> = new Map([[0x0103, V1_3]]);

/**
 * @param version as `imb_get_version` gives it: 0x010300 is 1.3.0
 * @param managerSize as `imb_get_mb_mgr_size` gives it
 * @throws EngineUnavailable for a version whose offsets are not known
 */
export function ipsecMbLayout(version: number, managerSize: number): IpsecMbLayout {
  const layout = LAYOUTS.get(version >>> 8);
  const known = [...LAYOUTS.keys()].map((key) => `${key >> 8}.${key & 255}`).join(", ");
  if (layout === undefined) {
    throw new EngineUnavailable(
      "ipsec-mb",
      `libipsec-mb ${formatVersion(version)} is installed, but only ${known} is known: install that one`,
    );
  }
  if (managerSize !== layout.managerSize) {
    throw new EngineUnavailable(
      "ipsec-mb",
      `this libipsec-mb ${formatVersion(version)} is built differently (its manager has ${managerSize} octets, not ${layout.managerSize})`,
    );
  }
  return layout;
}

export function formatVersion(version: number): string {
  return `${version >>> 16}.${(version >>> 8) & 255}.${version & 255}`;
}
