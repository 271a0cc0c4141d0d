// This worker's inbound SAD: SPI → SA runtime. Open addressing with linear probing over a power-of-two table that is at most half full; SPIs
// are random numbers of our own choosing, so no sender can make chains long. A pair is u32 SPI (0 = empty), u32 address.

let table: usize = 0;
let mask: u32 = 0;

/** The table at `address` has `capacity` (a power of two) zeroed pairs. */
export function configureSad(address: usize, capacity: u32): void {
  table = address;
  mask = capacity - 1;
}

function home(spi: u32): u32 {
  return ((spi * 0x9e3779b1) >> 7) & mask;
}

/** The runtime of the SA with this SPI, 0 where there is none. */
export function findInbound(spi: u32): usize {
  let pair = table + ((<usize>home(spi)) << 3);
  let found = load<u32>(pair);
  while (found != spi && found != 0) {
    pair = table + ((pair + 8 - table) & (((<usize>mask) << 3) | 7));
    found = load<u32>(pair);
  }
  return found == 0 ? 0 : <usize>load<u32>(pair, 4);
}

export function insertInbound(spi: u32, sa: usize): void {
  let i = home(spi);
  for (;;) {
    const pair = table + ((<usize>i) << 3);
    const found = load<u32>(pair);
    if (found == 0 || found == spi) {
      store<u32>(pair, spi);
      store<u32>(pair, <u32>sa, 4);
      return;
    }
    i = (i + 1) & mask;
  }
}

/** Removes by shifting the rest of the chain back, so that no tombstones gather. */
export function removeInbound(spi: u32): void {
  let i = home(spi);
  for (;;) {
    const found = load<u32>(table + ((<usize>i) << 3));
    if (found == 0) return;
    if (found == spi) break;
    i = (i + 1) & mask;
  }
  let hole = i;
  for (;;) {
    i = (i + 1) & mask;
    const pair = table + ((<usize>i) << 3);
    const found = load<u32>(pair);
    if (found == 0) break;
    const want = home(found);
    // Movable into the hole unless its home lies cyclically within (hole, i].
    const stays = hole <= i ? want > hole && want <= i : want > hole || want <= i;
    if (stays) continue;
    store<u64>(table + ((<usize>hole) << 3), load<u64>(pair));
    hole = i;
  }
  store<u64>(table + ((<usize>hole) << 3), 0);
}
