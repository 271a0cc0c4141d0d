// Outbound SPD look-up (RFC 4301 §5.1): a direct-mapped flow cache before the ordered list of policies.
import { POLICY_LOCAL_TS, POLICY_LOCAL_TS_COUNT, POLICY_REMOTE_TS, POLICY_REMOTE_TS_COUNT } from "../layout";
import {
  destinationHigh,
  destinationLow,
  destinationPort,
  family,
  hasPorts,
  protocol,
  sourceHigh,
  sourceLow,
  sourcePort,
} from "./ip-header";
import { matchSelectors } from "./selectors";

// A cache line: u64 tag (generation, protocol, family, ports), u64 × 4 addresses, u32 policy.
const LINE: usize = 64;
let cache: usize = 0;
let cacheMask: u32 = 0;
let order: usize = 0;
let orderCount: i32 = 0;
/** Moves with each change of the SPD; 8 bits of it stand in every tag, and the cache is cleared when they come round. */
let generation: u32 = 1;

export function configureSpd(flowCache: usize, lines: u32, policyOrder: usize): void {
  cache = flowCache;
  cacheMask = lines - 1;
  order = policyOrder;
}

/** The list of policy addresses at `policyOrder` now has `count` entries, or one of them changed its selectors. */
export function spdChanged(count: i32): void {
  orderCount = count;
  generation++;
  if ((generation & 0xff) == 0) {
    generation++;
    memory.fill(cache, 0, (<usize>cacheMask + 1) * LINE);
  }
}

/** The policy of the parsed packet, 0 where none matches. */
export function lookupPolicy(): usize {
  const tag: u64 =
    (<u64>sourcePort) |
    ((<u64>destinationPort) << 16) |
    ((<u64>protocol) << 32) |
    ((<u64>family) << 40) |
    ((<u64>(hasPorts ? 1 : 0)) << 47) |
    ((<u64>(generation & 0xff)) << 48);
  let hash: u64 = (tag ^ sourceLow ^ rotl(destinationLow, 32)) * 0x9e3779b97f4a7c15;
  hash = (hash ^ sourceHigh ^ rotl(destinationHigh, 17)) * 0xd6e8feb86659fd93;
  const line = cache + ((<usize>((<u32>(hash >> 32)) & cacheMask)) << 6);
  if (
    load<u64>(line) == tag &&
    load<u64>(line, 8) == sourceLow &&
    load<u64>(line, 16) == destinationLow &&
    load<u64>(line, 24) == sourceHigh &&
    load<u64>(line, 32) == destinationHigh
  ) {
    return <usize>load<u32>(line, 40);
  }
  let found: usize = 0;
  for (let i = 0; i < orderCount; i++) {
    const policy = <usize>load<u32>(order + ((<usize>i) << 2));
    if (
      matchSelectors(
        <usize>load<u32>(policy, POLICY_LOCAL_TS),
        load<i32>(policy, POLICY_LOCAL_TS_COUNT),
        sourceHigh,
        sourceLow,
        sourcePort,
      ) &&
      matchSelectors(
        <usize>load<u32>(policy, POLICY_REMOTE_TS),
        load<i32>(policy, POLICY_REMOTE_TS_COUNT),
        destinationHigh,
        destinationLow,
        destinationPort,
      )
    ) {
      found = policy;
      break;
    }
  }
  store<u64>(line, tag);
  store<u64>(line, sourceLow, 8);
  store<u64>(line, destinationLow, 16);
  store<u64>(line, sourceHigh, 24);
  store<u64>(line, destinationHigh, 32);
  store<u32>(line, <u32>found, 40);
  return found;
}
