/**
 * draft-pwouters-ipsecme-multi-sa-performance of 2022: the first Child SA is the Fallback SA, for all CPUs, and carries CPU_QUEUES with the number
 * of parallel SAs that its sender would like at least; the larger number is agreed. Each further Child SA carries CPU_QUEUE_INFO.
 */
import { findGroupNotify } from "../notifies.ts";
import type { Scheme, SchemeSettings } from "../scheme.ts";

/** The Fallback SA does not count. */
function wantedCount({ cpus, maxSas }: SchemeSettings): number {
  return maxSas === undefined ? cpus.length : Math.max(Math.min(cpus.length, maxSas - 1), 1);
}

export const CPU_QUEUES_SCHEME: Scheme = {
  name: "cpu-queues",
  hasFallbackSa: true,
  describesRekeys: false,
  refusal: "TS_MAX_QUEUE",
  offer: (settings) => [{ kind: "CPU_QUEUES", count: wantedCount(settings) }],
  isOffered: (peer) => findGroupNotify(peer, "CPU_QUEUES") !== undefined,
  describe: (identifier) => [{ kind: "CPU_QUEUE_INFO", identifier }],
  isDescribed: (peer) => findGroupNotify(peer, "CPU_QUEUE_INFO") !== undefined,
  decide: (settings, role, peer) => {
    const ours = wantedCount(settings);
    const theirs = findGroupNotify(peer, "CPU_QUEUES")?.count;
    if (theirs === undefined) {
      // A further SA has overtaken our own first one's answer: the peer has agreed already.
      if (findGroupNotify(peer, "CPU_QUEUE_INFO") !== undefined) return { mode: "per-cpu", count: ours };
      if (findGroupNotify(peer, "SA_RESOURCE_INFO") !== undefined) {
        return { mode: "single", reason: "the peer speaks the scheme rfc9611, and this end cpu-queues" };
      }
      return {
        mode: "single",
        reason:
          role === "initiator"
            ? `the peer did not answer CPU_QUEUES: it does not know of it, or finds ${ours} SAs out of proportion`
            : "the peer did not send CPU_QUEUES",
      };
    }
    // Only a responder can still say no, and says it by silence: an initiator that did so afterwards would leave the two ends in disagreement.
    if (role === "responder" && isOutOfProportion(ours, theirs, settings.maxCpuRatio)) {
      return {
        mode: "single",
        reason: `the peer wants ${theirs} SAs and this end ${ours}: out of proportion (max_cpu_ratio ${settings.maxCpuRatio})`,
      };
    }
    return { mode: "per-cpu", count: Math.max(ours, theirs) };
  },
};

function isOutOfProportion(ours: number, theirs: number, maxRatio: number): boolean {
  return maxRatio > 0 && Math.max(ours, theirs) > maxRatio * Math.max(Math.min(ours, theirs), 1);
}
