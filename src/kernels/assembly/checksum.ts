// The Internet checksum (RFC 1071), 16 octets a step. Sums are kept in memory (little-endian lane) order: RFC 1071 §2(B) lets the octets be
// summed in either order, so results are stored with a plain store<u16>, never byte-swapped.

/** Folds to 16 bits. */
function fold(s: u64): u32 {
  s = (s & 0xffffffff) + (s >> 32);
  s = (s & 0xffffffff) + (s >> 32);
  s = (s & 0xffff) + (s >> 16);
  s = (s & 0xffff) + (s >> 16);
  return <u32>((s & 0xffff) + (s >> 16));
}

function lanes(a: v128): u64 {
  return (
    <u64>(<u32>i32x4.extract_lane(a, 0)) +
    <u64>(<u32>i32x4.extract_lane(a, 1)) +
    <u64>(<u32>i32x4.extract_lane(a, 2)) +
    <u64>(<u32>i32x4.extract_lane(a, 3))
  );
}

/** Partial sum, folded, of [p, p + length) on top of `initial`. A lane takes 2^15 additions of 2 × 0xffff before it could overflow: 1 MiB. */
export function sum(p: usize, length: i32, initial: u32): u32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let n = length;
  while (n >= 64) {
    a = i32x4.add(a, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v128.load(p)), i32x4.extadd_pairwise_i16x8_u(v128.load(p, 16))));
    b = i32x4.add(b, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v128.load(p, 32)), i32x4.extadd_pairwise_i16x8_u(v128.load(p, 48))));
    p += 64;
    n -= 64;
  }
  while (n >= 16) {
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(p)));
    p += 16;
    n -= 16;
  }
  let s: u64 = <u64>initial + lanes(i32x4.add(a, b));
  while (n >= 2) {
    s += <u64>load<u16>(p);
    p += 2;
    n -= 2;
  }
  if (n > 0) s += <u64>load<u8>(p);
  return fold(s);
}

/** Copies [from, from + length) to `to` and sums it on the way: one pass over the cache lines instead of two. */
export function copySum(to: usize, from: usize, length: i32, initial: u32): u32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let n = length;
  while (n >= 64) {
    const v0 = v128.load(from);
    const v1 = v128.load(from, 16);
    const v2 = v128.load(from, 32);
    const v3 = v128.load(from, 48);
    v128.store(to, v0);
    v128.store(to, v1, 16);
    v128.store(to, v2, 32);
    v128.store(to, v3, 48);
    a = i32x4.add(a, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v0), i32x4.extadd_pairwise_i16x8_u(v1)));
    b = i32x4.add(b, i32x4.add(i32x4.extadd_pairwise_i16x8_u(v2), i32x4.extadd_pairwise_i16x8_u(v3)));
    from += 64;
    to += 64;
    n -= 64;
  }
  while (n >= 16) {
    const v0 = v128.load(from);
    v128.store(to, v0);
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v0));
    from += 16;
    to += 16;
    n -= 16;
  }
  let s: u64 = <u64>initial + lanes(i32x4.add(a, b));
  while (n >= 2) {
    const v = load<u16>(from);
    store<u16>(to, v);
    s += <u64>v;
    from += 2;
    to += 2;
    n -= 2;
  }
  if (n > 0) {
    const v = load<u8>(from);
    store<u8>(to, v);
    s += <u64>v;
  }
  return fold(s);
}

/** Sum of the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1) of the packet at `ip`; `length` is that of the transport header and payload. */
export function pseudoHeader(ip: usize, length: u32, protocol: u32): u32 {
  const fields = <u32>bswap<u16>(<u16>protocol) + <u32>bswap<u16>(<u16>length);
  return load<u8>(ip) >> 4 == 4 ? sum(ip + 12, 8, fields) : sum(ip + 8, 32, fields);
}

/** Writes the header checksum of the IPv4 header at `ip`. */
export function writeIpv4Checksum(ip: usize): void {
  store<u16>(ip + 10, 0);
  store<u16>(ip + 10, <u16>~sum(ip, (<i32>(load<u8>(ip) & 15)) << 2, 0));
}
