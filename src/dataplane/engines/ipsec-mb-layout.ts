/**
 * Where libipsec-mb keeps its things. The library's API is C structures and macros over them, so a caller without its header must know offsets,
 * and they may change with every release: only versions whose offsets were taken from their own header (`offsetof` on intel-ipsec-mb.h) are used.
 */
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
  readonly cipherMode: number;
  readonly cipherDirection: number;
  readonly hashAlgorithm: number;
  readonly chainOrder: number;
  /** The library never touches it. */
  readonly userData: number;
}

/** `struct IMB_MGR`: octets from its start, of function pointers unless said otherwise. */
export interface ManagerLayout {
  /** u32: what went wrong last. */
  readonly error: number;
  readonly gcm128Pre: number;
  readonly gcm256Pre: number;
  readonly getNextBurst: number;
  readonly submitBurst: number;
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
    readonly cipherGcm: number;
    readonly cipherChaCha20Poly1305: number;
    readonly hashGmac: number;
    readonly hashChaCha20Poly1305: number;
    readonly encrypt: number;
    readonly decrypt: number;
    readonly cipherThenHash: number;
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
    cipherMode: 132,
    cipherDirection: 136,
    hashAlgorithm: 140,
    chainOrder: 144,
    userData: 152,
  },
  manager: { error: 60, gcm128Pre: 448, gcm256Pre: 464, getNextBurst: 952, submitBurst: 968 },
  gcmKeyData: 1024,
  maxBurst: 128,
  managerSize: 200744,
  values: {
    cipherGcm: 5,
    cipherChaCha20Poly1305: 19,
    hashGmac: 9,
    hashChaCha20Poly1305: 29,
    encrypt: 1,
    decrypt: 2,
    cipherThenHash: 1,
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
