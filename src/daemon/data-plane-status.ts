/** The data plane's counters with the words that go with them. */
import type { DataPlaneCounters } from "../dataplane/data-plane.ts";
import { DROP_REASONS } from "../ipsec/drop-reasons.ts";
import type { DropReason } from "../ipsec/drop-reasons.ts";
import type { DataPlaneStatus } from "./status.ts";

/** Packets that exist to be thrown away (RFC 4303 §2.6). */
const EXPECTED_DROPS: readonly DropReason[] = ["InDummy"];

export function dataPlaneStatus(counters: DataPlaneCounters, engine: DataPlaneStatus["engine"]): DataPlaneStatus {
  const texts = DROP_REASONS.filter(({ name }) => (counters.drops[name] ?? 0) > 0).map(({ name, text }) => [name, text] as const);
  return { ...counters, engine, dropTexts: Object.fromEntries(texts), expectedDrops: EXPECTED_DROPS };
}
