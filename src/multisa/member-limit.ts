/** How many members a group may have, from its configuration and what is agreed. */
import { HARD_MAX_SAS, type GroupConfig } from "./config.ts";
import { schemeNamed } from "./schemes/index.ts";

export type LimitSettings = Pick<GroupConfig, "perCpuSas" | "scheme" | "onMissingSa" | "maxSas" | "cpus">;

/** Whether the first Child SA is for every CPU to send on. */
export function isFirstShared({ perCpuSas, scheme, onMissingSa, cpus }: LimitSettings): boolean {
  return (perCpuSas && schemeNamed(scheme).hasFallbackSa) || (onMissingSa === "shared" && cpus.length > 1);
}

/**
 * For `cpus` CPUs here. Twice, since both ends may ask for each CPU at once, and rekeys double for a moment.
 *
 * @param agreed Child SAs that both ends allow at least; 0: that is not agreed on
 */
export function memberLimit(settings: LimitSettings, cpus: number, agreed: number): number {
  const limit = settings.maxSas ?? 2 * Math.max(cpus, agreed) + (isFirstShared(settings) ? 1 : 0);
  return Math.min(limit, HARD_MAX_SAS);
}
