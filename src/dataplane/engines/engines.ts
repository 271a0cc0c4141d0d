import type { CipherEngine, EngineArena, EngineName } from "./engine.ts";
import { ENGINE_NAMES, EngineUnavailable } from "./engine.ts";
import { IpsecMbEngine } from "./ipsec-mb.ts";
import { NodeEngine } from "./node.ts";
import { OpensslEngine } from "./openssl.ts";
import { selfTest } from "./self-test.ts";

/** Octets of packet memory that any engine's own records fit in, the self-test's packet included. */
export const ENGINE_ARENA_SIZE = 256 * 1024;

/** Whether an engine can be used here, and if not, why. */
export type EngineProbe =
  | { readonly name: EngineName; readonly available: true; readonly version: string }
  | { readonly name: EngineName; readonly available: false; readonly reason: string };

/**
 * Makes an engine for one thread and its packet memory, and has it prove itself on a known answer for each cipher.
 *
 * @param name an engine's name, or "auto" for the best one that works here
 * @param arena at least {@link ENGINE_ARENA_SIZE} octets of `memory` that are the engine's alone
 * @throws EngineUnavailable when the named engine cannot work here
 * @throws RangeError when there is no engine of that name, or the arena is too small
 */
export function createEngine(name: string, memory: WebAssembly.Memory, arena: EngineArena): CipherEngine {
  if (arena.size < ENGINE_ARENA_SIZE) {
    throw new RangeError(`an engine needs ${ENGINE_ARENA_SIZE} octets of packet memory, not ${arena.size}`);
  }
  if (name === "auto") return createBest(memory, arena);
  const known = ENGINE_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw new RangeError(`there is no engine "${name}": choose auto, ${ENGINE_NAMES.join(", ")}`);
  return createNamed(known, memory, arena);
}

/** Tries every engine in a packet memory of its own. Best first. */
export function probeEngines(): EngineProbe[] {
  const pages = Math.ceil(ENGINE_ARENA_SIZE / 65536);
  return ENGINE_NAMES.map((name) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    try {
      const { version } = createNamed(name, memory, { offset: 0, size: ENGINE_ARENA_SIZE });
      return { name, available: true, version };
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      return { name, available: false, reason: error.message };
    }
  });
}

function createBest(memory: WebAssembly.Memory, arena: EngineArena): CipherEngine {
  const reasons: string[] = [];
  for (const name of ENGINE_NAMES) {
    try {
      return createNamed(name, memory, arena);
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      reasons.push(`${name}: ${error.message}`);
    }
  }
  throw new EngineUnavailable("node", `no cipher engine works here: ${reasons.join("; ")}`);
}

function createNamed(name: EngineName, memory: WebAssembly.Memory, arena: EngineArena): CipherEngine {
  const engine = construct(name, memory, arena);
  selfTest(engine, memory, arena);
  return engine;
}

function construct(name: EngineName, memory: WebAssembly.Memory, arena: EngineArena): CipherEngine {
  switch (name) {
    case "ipsec-mb":
      return new IpsecMbEngine(memory, arena);
    case "openssl":
      return new OpensslEngine(memory, arena);
    case "node":
      return new NodeEngine(memory);
  }
}
