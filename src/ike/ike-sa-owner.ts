/** What an IKE SA asks of, and tells, the endpoint that owns it. The IKE SA is a parameter, since it imports this. */
import type { CpuIndex } from "../ipsec/names.ts";
import type { Answer, LastAnswer, Request } from "./answer.ts";
import type { ChildSa } from "./child-sa.ts";
import type { Exchange } from "./exchanger.ts";
import type { GroupBinding } from "./group-binding.ts";
import type { IkeSaStateName } from "./ike-sa-state.ts";

export interface Death {
  /** What it was before. */
  readonly from: IkeSaStateName;
  readonly why: string;
  readonly by: "local" | "peer";
  /** The peer did not answer any more. */
  readonly isPeerDead: boolean;
  readonly lastAnswer: LastAnswer | undefined;
}

export interface IkeSaOwner<IkeSa> {
  /** Never throws for what the peer sent. */
  answer(ikeSa: IkeSa, request: Request, now: number): Answer;
  /** A response that no exchange could use. */
  responseRefused(ikeSa: IkeSa, exchange: string, error: Error, now: number): void;
  peerUnreachable(ikeSa: IkeSa, exchange: Exchange<IkeSa>, now: number): void;
  /** The peer will not send to our new addresses. */
  addressesRefused(ikeSa: IkeSa, notifyType: number, now: number): void;
  /** Few message IDs are left: it is time for a successor, or for the end. */
  messageIdsRunOut(ikeSa: IkeSa, due: "rekey" | "close", now: number): void;
  /** A new IKE SA has its keys and may get messages: register it. */
  ikeSaMade(ikeSa: IkeSa, now: number): void;
  /** Everything of `old` is with `successor` now. */
  ikeSaReplaced(old: IkeSa, successor: IkeSa, now: number): void;
  /** All its Child SAs are gone already, its keys wiped. */
  ikeSaGone(ikeSa: IkeSa, death: Death, now: number): void;
  /** Installed in the data plane and member of its group: plan its life. */
  childSaUp(ikeSa: IkeSa, child: ChildSa): void;
  childSaDown(ikeSa: IkeSa, child: ChildSa, why: string, by: "local" | "peer"): void;
  /** A group wants an additional Child SA for a CPU. */
  createChildSa(ikeSa: IkeSa, group: GroupBinding, cpu: CpuIndex, now: number): void;
  /** A group wants one of its members rekeyed, onto another CPU. */
  rekeyChildSa(ikeSa: IkeSa, child: ChildSa, now: number): void;
  /** A group wants one of its members closed. */
  deleteChildSa(ikeSa: IkeSa, child: ChildSa, why: string, now: number): void;
}
