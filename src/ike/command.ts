/** What an operator may ask of a running endpoint. */
import type { ChildSaId } from "../ipsec/names.ts";

/** Names one IKE SA within this process (shown by `status`); never on the wire, never reused. */
export type IkeSaId = number & { readonly __brand: "IkeSaId" };

export const ikeSaId = (value: number): IkeSaId => value as IkeSaId;

export type Command =
  /** Brings up a connection with all its children (the IKE SA alone, if it has none), or with the one named. What is up already stays as it is. */
  | { readonly verb: "initiate"; readonly connection: string; readonly child?: string }
  /** Deletes, with Delete payloads: all IKE SAs of a connection (and stops trying), the Child SAs of one of its children, one IKE SA, or one Child SA. */
  | { readonly verb: "terminate"; readonly target: TerminateTarget }
  /** Rekeys one IKE SA or one Child SA now. */
  | { readonly verb: "rekey"; readonly target: { readonly ikeSa: IkeSaId } | { readonly childSa: ChildSaId } }
  /** Sends Deletes for everything, takes no new work, and ends with the event `done` when answered or given up. */
  | { readonly verb: "shutdown" }
  /** Forgets every SA at once and silently, as a crash would; traps stay. For tests and for last resort. */
  | { readonly verb: "flush" };

export type TerminateTarget =
  { readonly connection: string; readonly child?: string } | { readonly ikeSa: IkeSaId } | { readonly childSa: ChildSaId };

/** Whether the command could be begun; how it ends is told by events. `reason` is a sentence for the operator. */
export type CommandResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };
