/** What happened to IKE SAs and Child SAs, in sentences and at the level that asks of a person what it should. */
import type { ChildSaRef, IkeEvent, IkeSaRef } from "../../ike/events.ts";
import { formatEspSpi } from "../../ipsec/names.ts";
import type { SocketAddress } from "../../ipsec/sadb.ts";

export interface EventDescription {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly text: string;
}

export function describeEvent(event: IkeEvent): EventDescription {
  switch (event.kind) {
    case "ikeUp": {
      const nat =
        event.natHere || event.natThere
          ? `, NAT ${event.natHere ? "here" : ""}${event.natHere && event.natThere ? " and " : ""}${event.natThere ? "there" : ""}`
          : "";
      return info(
        `${nameIke(event.sa)} is up: ${event.localId} [${at(event.local)}] by ${event.localAuth} with ${event.remoteId} [${at(event.remote)}] by ${event.remoteAuth}, ${event.algorithms}${nat}${event.encapsulation === "none" ? ", ESP without UDP" : ""}`,
      );
    }
    case "ikeDown":
      return info(`${nameIke(event.sa)} is closed by ${whom(event.by)}: ${event.why}`);
    case "ikeRekeyed":
      return info(`${nameIke(event.old)} is rekeyed to ${nameIke(event.sa)}, ${event.algorithms}`);
    case "childUp":
      return info(
        `${nameChild(event.sa)} is up: ${event.localTs.join(" ")} === ${event.remoteTs.join(" ")}, ${event.cipher}${event.esn ? " with ESN" : ""}${event.mode === "transport" ? ", transport mode" : ""}${event.shared ? ", shared by all CPUs" : ""}`,
      );
    case "childDown":
      return info(`${nameChild(event.sa)} is closed by ${whom(event.by)}: ${event.why}`);
    case "childRekeyed":
      return info(`${nameChild(event.old)} is rekeyed to ${nameChild(event.sa)}`);
    case "groupMode":
      return info(`${event.connection}/${event.child} runs in mode ${event.mode}: ${event.text}`);
    case "peerRefused":
      return info(
        `the peer of ${event.connection}${event.child === undefined ? "" : `/${event.child}`} refused with ${event.notify}: ${event.text}`,
      );
    case "refusedPeer":
      return info(
        `refused ${at(event.remote)}${event.connection === undefined ? "" : ` on ${event.connection}`} with ${event.notify}: ${event.text}`,
      );
    case "dataPlaneRefused":
      return { level: "error", text: `${event.connection}/${event.child}: CPU ${event.cpu} ${REFUSED[event.what]}: ${event.why}` };
    case "hint":
      return info(`${event.connection}, ${at(event.remote)}: ${event.text}`);
    case "authFailed":
      return warn(
        `authentication with ${at(event.remote)}${event.connection === undefined ? "" : ` on ${event.connection}`} failed: ${event.text}`,
      );
    case "retransmit":
      return debug(
        `${event.connection}: ${event.exchange} request ${event.messageId} sent again to ${at(event.remote)}, attempt ${event.attempt}`,
      );
    case "peerUnreachable":
      return warn(`${event.connection}: ${at(event.remote)} does not answer ${event.exchange}`);
    case "virtualAddresses": {
      const dns = event.dnsServers.length === 0 ? "" : `, DNS servers ${event.dnsServers.join(" ")}`;
      const subnets = event.subnets.length === 0 ? "" : `, networks ${event.subnets.join(" ")}`;
      return info(`the peer of ${nameIke(event.sa)} has given us the virtual addresses ${event.addresses.join(" ")}${dns}${subnets}`);
    }
    case "addressLeased":
      return info(`${nameIke(event.sa)}: ${event.remoteId} has the virtual address ${event.address} of the pool ${event.pool}`);
    case "poolExhausted": {
      const families = event.families.map((family) => `IPv${family}`).join(" or ");
      return warn(
        `${event.connection}: ${event.remoteId} got no virtual ${families} address, as all of the pools ${event.pools.join(", ")} are in use`,
      );
    }
    case "connectionFailed":
      return warn(`${event.connection} could not be brought up: ${event.text}`);
    case "transition":
      return debug(`${nameIke(event.sa)}: ${event.from} → ${event.to}: ${event.why}`);
    case "peerMoved":
      return info(`the peer of ${nameIke(event.sa)} moved from ${at(event.from)} to ${at(event.to)}`);
    case "localMoved":
      return info(`${nameIke(event.sa)} moved here from ${at(event.from)} to ${at(event.to)}`);
    case "encapsulation": {
      const way = event.encapsulation === "udp" ? "in UDP" : "without UDP";
      return info(`${nameIke(event.sa)}: ESP with ${event.remote.address} goes ${way} from now on`);
    }
    case "connectionState":
      return debug(`${event.connection} is ${event.state}: ${event.text}`);
    case "fault":
      return { level: "error", text: `a mistake in the program itself, please report it: ${event.text}\n${event.stack}` };
    case "done":
      return debug("every SA is closed");
  }
}

const REFUSED = {
  "Child SA": "refuses a Child SA, which is closed",
  policy: "refuses the policy, whose Child SAs are closed",
  trap: "refuses the trap, and drops the packets that it is for",
} as const;

const info = (text: string): EventDescription => ({ level: "info", text });
const warn = (text: string): EventDescription => ({ level: "warn", text });
const debug = (text: string): EventDescription => ({ level: "debug", text });

const whom = (by: "local" | "peer"): string => (by === "local" ? "us" : "the peer");

export function at({ address, port }: SocketAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function nameIke({ connection, ikeSa, initiatorSpi, responderSpi }: IkeSaRef): string {
  return `IKE SA ${connection}#${ikeSa} (${initiatorSpi}_i ${responderSpi}_r)`;
}

function nameChild({ connection, child, childSa, cpu, spiIn, spiOut }: ChildSaRef): string {
  return `Child SA ${connection}/${child}#${childSa} on CPU ${cpu} (${formatEspSpi(spiIn)} in, ${formatEspSpi(spiOut)} out)`;
}
