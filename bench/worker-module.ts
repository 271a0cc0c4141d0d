/** A module next to the caller's for another thread, also when the benchmark runs from its sources. */
export function workerModule(path: string, caller: string): URL {
  return new URL(`${path}${caller.endsWith(".ts") ? ".ts" : ".js"}`, caller);
}
