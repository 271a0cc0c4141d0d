/**
 * Smyslov's proposal: nothing is negotiated. Further Child SAs are plain CREATE_CHILD_SA exchanges, which any peer may take or refuse; CPUs without
 * one have a stub that names a CPU with one. What is refused is refused in the words of RFC 7296.
 */
import type { Scheme } from "../scheme.ts";

export const STUB_SCHEME: Scheme = {
  name: "stub",
  hasFallbackSa: false,
  describesRekeys: false,
  refusal: "TS_UNACCEPTABLE",
  offer: () => [],
  isOffered: () => false,
  describe: () => [],
  isDescribed: () => false,
  decide: () => ({ mode: "per-cpu", count: undefined }),
};
