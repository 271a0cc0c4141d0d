// Big-endian loads and stores: the network's order in WASM's little-endian memory.

export function load16(p: usize): u32 {
  return <u32>bswap<u16>(load<u16>(p));
}

export function load32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

export function load64(p: usize): u64 {
  return bswap<u64>(load<u64>(p));
}

export function store16(p: usize, value: u32): void {
  store<u16>(p, bswap<u16>(<u16>value));
}

export function store32(p: usize, value: u32): void {
  store<u32>(p, bswap<u32>(value));
}

export function store64(p: usize, value: u64): void {
  store<u64>(p, bswap<u64>(value));
}
