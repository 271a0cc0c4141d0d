import koffi from "koffi";
import type { LibraryHandle, TypeObject } from "koffi";
import type { EspMac } from "../../ipsec/esp-cipher.ts";
import type { EngineArena } from "./engine.ts";
import { EngineUnavailable } from "./engine.ts";
import type { AesKeyLength, IpsecMbLayout } from "./ipsec-mb-layout.ts";
import { formatVersion, ipsecMbLayout } from "./ipsec-mb-layout.ts";

const LIBRARY = "libIPSec_MB.so.1";

/** One multi-buffer manager, in packet memory, and the functions it chose for this CPU. All addresses are absolute. */
export interface IpsecMbManager {
  readonly version: string;
  readonly layout: IpsecMbLayout;
  /** Offset of the manager in packet memory. */
  readonly offset: number;
  /** First offset behind the manager. */
  readonly end: number;
  /** Writes the addresses of up to `count` jobs to `jobs`; how many it wrote. */
  getNextBurst(count: number, jobs: number): number;
  /** Works the jobs off, without checking their arguments; how many it finished. */
  submitBurst(count: number, jobs: number): number;
  /** Of jobs that the library has kept back to work on several at once: finishes up to `count`, writes their addresses to `jobs`; how many. */
  flushBurst(count: number, jobs: number): number;
  /** The schedules of AES for either direction. */
  readonly expandAes: Readonly<Record<AesKeyLength, (key: number, encryption: number, decryption: number) => void>>;
  /** Schedule and powers of the hash key. */
  readonly expandGcm: Readonly<Record<AesKeyLength, (key: number, expanded: number) => void>>;
  /** The state of a hash after one block. */
  readonly hashOneBlock: Readonly<Record<EspMac, (block: number, state: number) => void>>;
}

/**
 * Loads the library and sets up a manager in `arena`, so that job records can be written as packet memory.
 *
 * @param base absolute address of packet memory
 * @throws EngineUnavailable with what would help
 */
export function openIpsecMb(memory: WebAssembly.Memory, base: number, arena: EngineArena): IpsecMbManager {
  const library = loadLibrary();
  const version = (library.func("uint imb_get_version()") as () => number)();
  const size = (library.func("size_t imb_get_mb_mgr_size()") as () => number)();
  const layout = ipsecMbLayout(version, size);
  const offset = Math.ceil(arena.offset / 64) * 64;
  const manager = base + offset;
  type SetPointers = (manager: number, flags: number, reset: number) => bigint;
  // Flags 0: every extension of the CPU may be used. The last 1: clear the manager first.
  (library.func("void *imb_set_pointers_mb_mgr(void *manager, uint64_t flags, uint reset)") as SetPointers)(manager, 0, 1);
  (library.func("void init_mb_mgr_auto(void *manager, void *arch)") as (manager: number, arch: number) => void)(manager, 0);
  const view = new DataView(memory.buffer, offset, size);
  const error = view.getInt32(layout.manager.error, true);
  if (error !== 0) throw new EngineUnavailable("ipsec-mb", `libipsec-mb cannot start on this CPU (error ${error})`);
  // The manager holds a pointer for each function, set to the best variant for this CPU.
  const method = (at: number, prototype: TypeObject): unknown => koffi.decode(view.getBigUint64(at, true), prototype);
  const burst = koffi.proto("int", ["void *", "uint", "void *"]);
  const twoAddresses = koffi.proto("void", ["void *", "void *"]);
  const threeAddresses = koffi.proto("void", ["void *", "void *", "void *"]);
  const methods = <Key extends string | number, Method>(places: Readonly<Record<Key, number>>, prototype: TypeObject) =>
    Object.fromEntries(Object.entries<number>(places).map(([key, at]) => [key, method(at, prototype)])) as Record<Key, Method>;
  type Burst = (manager: number, count: number, jobs: number) => number;
  const getNextBurst = method(layout.manager.getNextBurst, burst) as Burst;
  const submitBurst = method(layout.manager.submitBurst, burst) as Burst;
  const flushBurst = method(layout.manager.flushBurst, burst) as Burst;
  return {
    version: formatVersion(version),
    layout,
    offset,
    end: offset + size,
    getNextBurst: (count, jobs) => getNextBurst(manager, count, jobs),
    submitBurst: (count, jobs) => submitBurst(manager, count, jobs),
    flushBurst: (count, jobs) => flushBurst(manager, count, jobs),
    expandAes: methods(layout.manager.keyExpansion, threeAddresses),
    expandGcm: methods(layout.manager.gcmPre, twoAddresses),
    hashOneBlock: methods(layout.manager.oneBlock, twoAddresses),
  };
}

/**
 * Held for ever: koffi unloads a library whose handle is garbage, and functions that were decoded from addresses, as the manager's are, do not
 * keep it.
 */
let loaded: LibraryHandle | undefined;

function loadLibrary(): LibraryHandle {
  // There is a library of the same name for arm64, a fork with other structures.
  if (process.arch !== "x64") throw new EngineUnavailable("ipsec-mb", `libipsec-mb is for x86-64, and this is ${process.arch}`);
  try {
    return (loaded ??= koffi.load(LIBRARY));
  } catch {
    throw new EngineUnavailable("ipsec-mb", `${LIBRARY} is not installed (Debian and Ubuntu: apt-get install libipsec-mb1)`);
  }
}
