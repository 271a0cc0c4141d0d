/** How the daemon's names are shown, for those who ask it. */
export { formatEspSpi } from "../ipsec/names.ts";
export type { ChildSaId, CpuIndex, EspSpi } from "../ipsec/names.ts";
