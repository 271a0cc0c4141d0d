import type { SadbMessage } from "../../ipsec/sadb.ts";
import type { FromWorker } from "../messages.ts";
import type { WorkerContext } from "./context.ts";
import type { Outbound } from "./outbound.ts";

/** Carries out one message of control on this worker's SAD and SPD, between two bursts. */
export function applySadbMessage(
  message: SadbMessage,
  sharedCounter: number,
  { sad }: WorkerContext,
  outbound: Outbound,
  say: (message: FromWorker) => void,
): void {
  switch (message.verb) {
    case "addPolicy":
      sad.addPolicy(message.policy);
      return;
    case "removePolicy":
      sad.removePolicy(message.policyId);
      return;
    case "addInbound":
      install(message.sa, say, () => {
        const { id, address } = sad.addInbound(message.sa);
        say({ kind: "installed", id, direction: "in", address });
      });
      return;
    case "addOutbound":
      install(message.sa, say, () => {
        const { id, address } = sad.addOutbound(message.sa, sharedCounter);
        say({ kind: "installed", id, direction: "out", address });
      });
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
      sad.updateAddresses(message);
      return;
  }
}

/** An SA that does not fit is reported, not fatal: the others go on. */
function install(
  {
    id,
    spi,
    keymat,
  }: {
    id: Parameters<WorkerContext["sad"]["removeOutbound"]>[0];
    spi: Parameters<WorkerContext["sad"]["removeInbound"]>[0];
    keymat: Uint8Array;
  },
  say: (message: FromWorker) => void,
  add: () => void,
): void {
  try {
    add();
  } catch (error) {
    say({ kind: "refused", id, spi, why: error instanceof Error ? error.message : String(error) });
  } finally {
    keymat.fill(0);
  }
}
