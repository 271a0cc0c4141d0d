import type { ChildSaId } from "../../ipsec/names.ts";
import type { SadbMessage } from "../../ipsec/sadb.ts";
import type { FromWorker } from "../messages.ts";
import type { WorkerContext } from "./context.ts";
import type { Outbound } from "./outbound.ts";

/** Carries out one message of control on this worker's SAD and SPD, between two bursts. */
export function applySadbMessage(
  message: SadbMessage,
  sharedCounter: number,
  { self: cpu, sad, post }: Pick<WorkerContext, "self" | "sad" | "post">,
  outbound: Pick<Outbound, "releaseHeld">,
  say: (message: FromWorker) => void,
): void {
  const refuseSa = (id: ChildSaId, why: string): void => post({ verb: "saRefused", id, cpu, why });
  switch (message.verb) {
    case "addPolicy":
      attempt(
        () => sad.addPolicy(message.policy),
        (why) => post({ verb: "policyRefused", policyId: message.policy.id, cpu, why }),
      );
      return;
    case "removePolicy":
      sad.removePolicy(message.policyId);
      return;
    case "addInbound":
      attempt(
        () => {
          const { id, address } = sad.addInbound(message.sa);
          say({ kind: "installed", id, direction: "in", address });
        },
        (why) => refuseSa(message.sa.id, why),
      );
      message.sa.keymat.fill(0);
      return;
    case "addOutbound":
      attempt(
        () => {
          const { id, address } = sad.addOutbound(message.sa, sharedCounter);
          say({ kind: "installed", id, direction: "out", address });
        },
        (why) => refuseSa(message.sa.id, why),
      );
      message.sa.keymat.fill(0);
      return;
    case "removeInbound":
      sad.removeInbound(message.spi);
      say({ kind: "removed", id: message.id, direction: "in" });
      return;
    case "removeOutbound":
      sad.removeOutbound(message.id);
      say({ kind: "removed", id: message.id, direction: "out" });
      return;
    case "setEntry":
      if (sad.setEntry(message.policyId, message.entry) && message.entry.kind !== "none") outbound.releaseHeld();
      return;
    case "updateAddresses":
      attempt(
        () => sad.updateAddresses(message),
        (why) => refuseSa(message.id, `it cannot send to ${message.remote.address}: ${why}`),
      );
      return;
  }
}

/** What does not fit is refused, not fatal: everything else goes on. */
function attempt(step: () => void, refuse: (why: string) => void): void {
  try {
    step();
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}
