/**
 * RFC 9611: SA_RESOURCE_INFO with the first Child SA, in both directions, turns the scheme on; it goes with each further one. TS_MAX_QUEUE, and never
 * NO_ADDITIONAL_SAS, says that there are enough (§6): the IKE SA may have other selectors.
 */
import { findGroupNotify, type GroupNotify } from "../notifies.ts";
import type { Scheme } from "../scheme.ts";

const resourceInfo = (identifier: Uint8Array): readonly GroupNotify[] => [{ kind: "SA_RESOURCE_INFO", identifier }];
const hasResourceInfo = (peer: readonly GroupNotify[]): boolean => findGroupNotify(peer, "SA_RESOURCE_INFO") !== undefined;

export const RFC9611_SCHEME: Scheme = {
  name: "rfc9611",
  hasFallbackSa: false,
  describesRekeys: true,
  refusal: "TS_MAX_QUEUE",
  offer: (_settings, identifier) => resourceInfo(identifier),
  isOffered: hasResourceInfo,
  describe: resourceInfo,
  isDescribed: hasResourceInfo,
  decide: (_settings, role, peer) => {
    if (hasResourceInfo(peer)) return { mode: "per-cpu", count: undefined };
    if (findGroupNotify(peer, "CPU_QUEUES") !== undefined) {
      return { mode: "single", reason: "the peer speaks the scheme cpu-queues, and this end rfc9611" };
    }
    return { mode: "single", reason: `the peer ${role === "initiator" ? "did not answer" : "did not send"} SA_RESOURCE_INFO` };
  },
};
