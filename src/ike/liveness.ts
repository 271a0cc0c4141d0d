/** Whether the peer lives (RFC 7296 §2.4), and whether NATs on the way remember us (§2.23). Both are timers that look back before they act. */
import { LivenessCheck } from "./exchanges/informational.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Timer } from "./timers.ts";

/** Keeps watch over an established IKE SA until it dies or is replaced. */
export function watchLiveness(ikeSa: IkeSa, now: number): void {
  const delay = ikeSa.config?.dpdDelay ?? 0;
  if (delay > 0 && Number.isFinite(delay)) schedule(ikeSa, now + delay, "dpd", (at) => checkPeer(ikeSa, delay, at));
  const { natKeepalive } = ikeSa.services.config;
  // §2.23: only the one behind the NAT has to keep the mapping open.
  const mayComeToBe = ikeSa.nat.here || ikeSa.mobike !== undefined;
  if (mayComeToBe && natKeepalive > 0) keepMappingOpen(ikeSa, natKeepalive, now);
}

/** Any sign of life, in IKE or ESP, puts the question off. */
function checkPeer(ikeSa: IkeSa, delay: number, now: number): void {
  // Compared as it was scheduled: with fractions of milliseconds, `now - lastHeardAt >= delay` could be false for ever.
  const due = ikeSa.lastHeardAt + delay;
  const isSilent = now >= due;
  // With a request outstanding, its retransmissions are the check.
  if (isSilent && ikeSa.exchanger.isIdle) ikeSa.exchanger.enqueue(new LivenessCheck(), now);
  schedule(ikeSa, isSilent ? now + delay : due, "dpd", (at) => checkPeer(ikeSa, delay, at));
}

/** Milliseconds between two checks of one peer that nothing but hints gave cause for: anybody can give hints. */
const HINT_INTERVAL = 30_000;

/** Asks the peer whether it lives, because somebody claims that it has lost its SAs (§2.21.4). Says whether it does. */
export function checkOnHint(ikeSa: IkeSa, now: number): boolean {
  // With a request outstanding, its retransmissions are the check.
  if (!ikeSa.isEstablished || now < ikeSa.suspicions.checkedAt + HINT_INTERVAL || !ikeSa.exchanger.isIdle) return false;
  ikeSa.suspicions.checkedAt = now;
  ikeSa.exchanger.enqueue(new LivenessCheck(), now);
  return true;
}

function keepMappingOpen(ikeSa: IkeSa, interval: number, now: number): void {
  schedule(ikeSa, Math.max(ikeSa.lastSentAt + interval, now + 1), "keepalive", (at) => {
    if (ikeSa.nat.here && at >= ikeSa.lastSentAt + interval) {
      const { local, remote } = ikeSa.addresses;
      ikeSa.services.outputs.keepalive(local, remote);
      ikeSa.lastSentAt = at;
    }
    keepMappingOpen(ikeSa, interval, at);
  });
}

/** Kept with the IKE SA, whose death or replacement cancels it. */
function schedule(ikeSa: IkeSa, at: number, reason: "dpd" | "keepalive", action: (now: number) => void): void {
  const timer: Timer = ikeSa.services.timers.schedule(at, reason, (now) => {
    const index = ikeSa.timers.indexOf(timer);
    if (index >= 0) ikeSa.timers.splice(index, 1);
    action(now);
  });
  ikeSa.timers.push(timer);
}
