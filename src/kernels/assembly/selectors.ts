// Traffic-selector matching on the packet parsed last (ip-header.ts): RFC 4301 §4.4.1.1, §5.1, §5.2.
import {
  TS_END_HIGH,
  TS_END_LOW,
  TS_FAMILY,
  TS_PORT_HIGH,
  TS_PORT_LOW,
  TS_PROTOCOL,
  TS_SIZE,
  TS_START_HIGH,
  TS_START_LOW,
} from "../layout";
import { family, hasPorts, protocol } from "./ip-header";

/** True when one of `count` selector records at `ts` covers this address and port of the parsed packet. */
export function matchSelectors(ts: usize, count: i32, high: u64, low: u64, port: u32): bool {
  for (let i = 0; i < count; i++, ts += TS_SIZE) {
    if (load<u32>(ts, TS_FAMILY) != family) continue;
    const wanted = load<u32>(ts, TS_PROTOCOL);
    if (wanted != 0 && wanted != protocol) continue;
    const portLow = load<u32>(ts, TS_PORT_LOW);
    const portHigh = load<u32>(ts, TS_PORT_HIGH);
    // Ports that are not there (later fragments, protocols without) match "all ports", and OPAQUE (65535..0, RFC 7296 §3.13.1).
    if (portLow != 0 || portHigh != 65535) {
      const opaque = portLow > portHigh;
      if (hasPorts ? opaque || port < portLow || port > portHigh : !opaque) continue;
    }
    const startHigh = load<u64>(ts, TS_START_HIGH);
    const endHigh = load<u64>(ts, TS_END_HIGH);
    if (high < startHigh || (high == startHigh && low < load<u64>(ts, TS_START_LOW))) continue;
    if (high > endHigh || (high == endHigh && low > load<u64>(ts, TS_END_LOW))) continue;
    return true;
  }
  return false;
}
