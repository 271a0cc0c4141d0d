/** What operators and timers do to Child SAs, at random and from both ends: rekeys and deletions. */
import { setTimeout as sleep } from "node:timers/promises";
import type { End, TwoDaemons } from "./two-daemons.ts";

export interface Churned {
  readonly rekeyed: number;
  readonly deleted: number;
  /** Commands that came too late: the SA was gone, or being replaced. */
  readonly refused: number;
}

/**
 * One deed about every `interval` milliseconds until `until` is settled. What both ends know to be the last SA is not deleted: then there would be
 * nothing to send on, and a responder that has only an SA which the peer does not have yet sends on that.
 *
 * @param random uniform in [0, 1)
 */
export async function churn(daemons: TwoDaemons, until: Promise<unknown>, interval: number, random: () => number): Promise<Churned> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  until.then(over, over);
  let [rekeyed, deleted, refused] = [0, 0, 0];
  // A function: what a callback changes is no constant.
  const goesOn = (): boolean => !isOver;
  while (goesOn()) {
    await sleep(2 * interval * random());
    const alive = (await daemons.statuses()).map(({ endpoint }) => endpoint.childSas.filter(({ state }) => state === "INSTALLED"));
    const end: End = random() < 0.5 ? "left" : "right";
    const candidates = alive[end === "left" ? 0 : 1] ?? [];
    const victim = candidates[Math.floor(random() * candidates.length)];
    if (victim === undefined) continue;
    const isDeletion = alive.every(({ length }) => length > 1) && random() < 0.6;
    try {
      await daemons.command(end, { verb: isDeletion ? "terminate-child" : "rekey-child", childSa: victim.id });
      if (isDeletion) deleted++;
      else rekeyed++;
    } catch {
      refused++;
    }
  }
  return { rekeyed, deleted, refused };
}
