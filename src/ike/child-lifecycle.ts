/** When Child SAs are rekeyed and when they end (RFC 4301 §4.4.2.1, RFC 7296 §2.8): by time, by use, on command. */
import { NotifyType } from "../wire/iana/index.ts";
import { groupOf } from "./child-acceptance.ts";
import type { ChildSa } from "./child-sa.ts";
import { closeChild } from "./exchanges/delete-child.ts";
import { RekeyChild } from "./exchanges/rekey-child.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Services } from "./services.ts";

/** Milliseconds between attempts to rekey, doubled each time. */
const FIRST_RETRY = 1000;
const LAST_RETRY = 30_000;

export interface ChildLifecyclePorts {
  readonly services: Services;
  /** Where the Child SA is now: its IKE SA may have been rekeyed since. */
  readonly ikeSaOf: (child: ChildSa) => IkeSa | undefined;
  /** The peer lost the last Child SA of its selectors, without a Delete: bring it up again (RFC 7296 §2.25.1). */
  readonly lost: (ikeSa: IkeSa, child: ChildSa, now: number) => void;
}

export class ChildLifecycle {
  readonly #ports: ChildLifecyclePorts;
  readonly #retries = new WeakMap<ChildSa, number>();

  constructor(ports: ChildLifecyclePorts) {
    this.#ports = ports;
  }

  /** Plans the time limits; packets and bytes are counted by the data plane, which raises EXPIRE. */
  childUp(child: ChildSa): void {
    const { rekeyAt, expireAt } = child.lifetimes;
    this.#schedule(child, rekeyAt, "rekey-child", (now) => this.rekey(child, now));
    this.#schedule(child, expireAt, "lifetime", (now) => this.expire(child, "its lifetime is over", now));
  }

  rekey(child: ChildSa, now: number): void {
    const ikeSa = this.#ports.ikeSaOf(child);
    if (ikeSa === undefined || child.state.kind !== "INSTALLED" || child.isRekeyQueued) return;
    if (ikeSa.state.kind === "DELETING") return;
    child.isRekeyQueued = true;
    const outcome = {
      failed: (old: ChildSa, notifyType: number, at: number) => this.#failed(old, notifyType, at),
      lost: (old: ChildSa, at: number) => this.#ports.lost(this.#ports.ikeSaOf(old) ?? ikeSa, old, at),
    };
    ikeSa.exchanger.enqueue(new RekeyChild(child, groupOf(ikeSa, child), outcome), now);
  }

  expire(child: ChildSa, why: string, now: number): void {
    const ikeSa = this.#ports.ikeSaOf(child);
    if (ikeSa !== undefined && ikeSa.state.kind !== "DELETING") closeChild(ikeSa, child, why, now);
  }

  #failed(child: ChildSa, notifyType: number, now: number): void {
    child.isRekeyQueued = false;
    const { services } = this.#ports;
    const wait = this.#retries.get(child) ?? FIRST_RETRY;
    this.#retries.set(child, Math.min(2 * wait, LAST_RETRY));
    const { config } = child.parameters;
    const connection = this.#ports.ikeSaOf(child)?.connectionName ?? "";
    const text = `Child SA ${child.name} could not be rekeyed; another attempt follows.`;
    services.outputs.event({ kind: "peerRefused", connection, child: config.name, notify: NotifyType.nameOf(notifyType), text });
    // At random, or two peers that refused each other would do so again.
    this.#schedule(child, now + wait * (0.5 + services.random()), "rekey-child", (at) => this.rekey(child, at));
  }

  #schedule(child: ChildSa, at: number, reason: "rekey-child" | "lifetime", action: (now: number) => void): void {
    if (Number.isFinite(at)) child.timers.push(this.#ports.services.timers.schedule(at, reason, action));
  }
}
