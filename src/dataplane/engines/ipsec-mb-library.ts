import koffi from "koffi";
import type { LibraryHandle } from "koffi";
import type { EngineArena } from "./engine.ts";
import { EngineUnavailable } from "./engine.ts";
import type { IpsecMbLayout } from "./ipsec-mb-layout.ts";
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
  expandGcm128(key: number, expanded: number): void;
  expandGcm256(key: number, expanded: number): void;
}

/**
 * Loads the library and sets up a manager in `arena`, so that job records can be written as packet memory.
 *
 * @param base absolute address of packet memory
 * @throws EngineUnavailable with what would help
 */
export function openIpsecMb(memory: WebAssembly.Memory, base: number, arena: EngineArena): IpsecMbManager {
  const library = loadLibrary();
  const version = call<number>(library, "imb_get_version", "uint", [], []);
  const size = call<number>(library, "imb_get_mb_mgr_size", "size_t", [], []);
  const layout = ipsecMbLayout(version, size);
  const offset = Math.ceil(arena.offset / 64) * 64;
  const manager = base + offset;
  // Flags 0: every extension of the CPU may be used. The last 1: clear the manager first.
  call(library, "imb_set_pointers_mb_mgr", "void *", ["void *", "uint64", "uint"], [manager, 0, 1]);
  call(library, "init_mb_mgr_auto", "void", ["void *", "void *"], [manager, 0]);
  const view = new DataView(memory.buffer, offset, size);
  const error = view.getInt32(layout.manager.error, true);
  if (error !== 0) throw new EngineUnavailable("ipsec-mb", `libipsec-mb cannot start on this CPU (error ${error})`);
  // The manager holds a pointer for each function, set to the best variant for this CPU.
  const method = <Signature>(at: number, result: string, parameters: readonly string[]): Signature =>
    koffi.decode(view.getBigUint64(at, true), koffi.proto(result, [...parameters])) as Signature;
  type Burst = (manager: number, count: number, jobs: number) => number;
  type Expand = (key: number, expanded: number) => void;
  const getNextBurst = method<Burst>(layout.manager.getNextBurst, "int", ["void *", "uint", "void *"]);
  const submitBurst = method<Burst>(layout.manager.submitBurst, "int", ["void *", "uint", "void *"]);
  return {
    version: formatVersion(version),
    layout,
    offset,
    end: offset + size,
    getNextBurst: (count, jobs) => getNextBurst(manager, count, jobs),
    submitBurst: (count, jobs) => submitBurst(manager, count, jobs),
    expandGcm128: method<Expand>(layout.manager.gcm128Pre, "void", ["void *", "void *"]),
    expandGcm256: method<Expand>(layout.manager.gcm256Pre, "void", ["void *", "void *"]),
  };
}

function loadLibrary(): LibraryHandle {
  // There is a library of the same name for arm64, a fork with other structures.
  if (process.arch !== "x64") throw new EngineUnavailable("ipsec-mb", `libipsec-mb is for x86-64, and this is ${process.arch}`);
  try {
    return koffi.load(LIBRARY);
  } catch {
    throw new EngineUnavailable("ipsec-mb", `${LIBRARY} is not installed (Debian and Ubuntu: apt-get install libipsec-mb1)`);
  }
}

function call<Result>(
  library: LibraryHandle,
  name: string,
  result: string,
  parameters: readonly string[],
  values: readonly number[],
): Result {
  return library.func(name, result, [...parameters])(...values) as Result;
}
