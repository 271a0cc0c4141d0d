// The anti-replay window (RFC 4303 §3.4.3), as the block bitmap of RFC 6479, over 64-bit sequence numbers (RFC 4303 appendix A for ESN).
import { ISA_BITMAP, ISA_BITMAP_MASK, ISA_ESN, ISA_FLAGS, ISA_TOP, ISA_WINDOW } from "../layout";

/** `inferSequence` says so where the packet would belong to before the first sequence number. */
export const SEQUENCE_IMPOSSIBLE: u64 = 0xffffffffffffffff;

/** The 64-bit sequence number that the 32 bits on the wire stand for (RFC 4303 appendix A2.2). */
export function inferSequence(sa: usize, low: u32): u64 {
  if ((load<u32>(sa, ISA_FLAGS) & ISA_ESN) == 0) return <u64>low;
  const top = load<u64>(sa, ISA_TOP);
  const topLow = <u32>top;
  const topHigh = top >> 32;
  const window = max(load<u32>(sa, ISA_WINDOW), 1);
  const bottom = topLow - window + 1; // modulo 2^32
  if (topLow >= window - 1) {
    // Case A: the window lies within one subspace.
    return ((low >= bottom ? topHigh : topHigh + 1) << 32) | (<u64>low);
  }
  // Case B: the window spans two subspaces.
  if (low < bottom) return (topHigh << 32) | (<u64>low);
  return topHigh == 0 ? SEQUENCE_IMPOSSIBLE : ((topHigh - 1) << 32) | (<u64>low);
}

/** Before opening: would this sequence number be accepted? Changes nothing. */
export function replayCheck(sa: usize, seq: u64): bool {
  const window = <u64>load<u32>(sa, ISA_WINDOW);
  if (window == 0) return true;
  if (seq == 0) return false; // RFC 4303 §3.3.3: the first packet has 1
  const top = load<u64>(sa, ISA_TOP);
  if (seq > top) return true;
  if (top - seq >= window) return false;
  const word = <usize>load<u32>(sa, ISA_BITMAP) + ((<usize>((<u32>(seq >> 6)) & load<u32>(sa, ISA_BITMAP_MASK))) << 3);
  return ((load<u64>(word) >> (seq & 63)) & 1) == 0;
}

/** After opening: checks again (the same packet may be in the burst twice), then marks. False: a replay after all. */
export function replayCommit(sa: usize, seq: u64): bool {
  if (!replayCheck(sa, seq)) return false;
  const top = load<u64>(sa, ISA_TOP);
  if (load<u32>(sa, ISA_WINDOW) == 0) {
    if (seq > top) store<u64>(sa, seq, ISA_TOP);
    return true;
  }
  const bitmap = <usize>load<u32>(sa, ISA_BITMAP);
  const mask = <u64>load<u32>(sa, ISA_BITMAP_MASK);
  if (seq > top) {
    // The blocks between are new: they may hold marks of one lap ago.
    let blocks = (seq >> 6) - (top >> 6);
    if (blocks > mask + 1) blocks = mask + 1;
    let block = top >> 6;
    for (; blocks > 0; blocks--) {
      block++;
      store<u64>(bitmap + ((<usize>(block & mask)) << 3), 0);
    }
    if (seq >> 6 != block) store<u64>(bitmap + ((<usize>((seq >> 6) & mask)) << 3), 0);
    store<u64>(sa, seq, ISA_TOP);
  }
  const word = bitmap + ((<usize>((seq >> 6) & mask)) << 3);
  store<u64>(word, load<u64>(word) | ((<u64>1) << (seq & 63)));
  return true;
}
