import type { ChildSaId, CpuIndex } from "../ipsec/names.ts";
import type { GroupConfig } from "./config.ts";
import type { GroupAction, GroupEvent, GroupMode } from "./events.ts";
import type { GroupNotify, Purpose, RefusalNotify } from "./notifies.ts";
import type { GroupView } from "./view.ts";

export type Admission =
  | { readonly accept: true; readonly cpu: CpuIndex; readonly shared: boolean }
  | { readonly accept: false; readonly refusal: RefusalNotify; readonly text: string };

export declare class ChildSaGroup {
  /** @param random as many unpredictable octets as asked for */
  constructor(config: GroupConfig, random: (octets: number) => Uint8Array);
  get mode(): GroupMode;
  get isEmpty(): boolean;
  handle(event: GroupEvent, now: number): GroupAction[];
  /** Milliseconds, in the clock of `now`. */
  nextTimeout(): number | undefined;
  handleTimeout(now: number): GroupAction[];
  /** Whether a first Child SA of this group is one for every CPU. */
  get isFirstShared(): boolean;
  requestNotifies(purpose: Purpose, cpu: CpuIndex): readonly GroupNotify[];
  /** May be asked before or after the "established" of the SA that is being answered. */
  answerNotifies(purpose: Purpose, cpu: CpuIndex, request: readonly GroupNotify[]): readonly GroupNotify[];
  /** May a Child SA that the peer asks for be made (never about a rekey), and for which CPU? Changes nothing. */
  admit(request: readonly GroupNotify[]): Admission;
  /** A Child SA keeps its CPU when it is rekeyed, unless that CPU is not there any more. */
  cpuForRekey(sa: ChildSaId): CpuIndex;
  isShared(sa: ChildSaId): boolean;
  view(): GroupView;
}
