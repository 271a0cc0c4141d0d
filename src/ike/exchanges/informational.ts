/** INFORMATIONAL (RFC 7296 §1.4): what the peer tells us, and the two small things that we ask, for life and for room. */
import { ExchangeType, NotifyType, ProtocolId } from "../../wire/iana/index.ts";
import { findNotify, setWindowSize, windowSizeOf } from "../../wire/notify.ts";
import { equalOctets } from "../../wire/octets.ts";
import type { DeletePayload, Payload } from "../../wire/payload.ts";
import { notePeersToken } from "../crash-tokens.ts";
import type { Exchange } from "../exchanger.ts";
import { takeOver } from "../ike-sa-succession.ts";
import type { Answer, Request } from "../answer.ts";
import { formatIdentity } from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import { natDetectionFor } from "../mobike-notifies.ts";
import { seenAddressHash } from "../nat-detection.ts";
import { noteRedirect } from "../redirect.ts";
import { answerConfigurationAlone } from "./configuration-responder.ts";
import { answerDeleteChildren } from "./delete-child.ts";
import { noteInvalidSpi } from "./invalid-spi.ts";
import { answerMobike } from "./mobike-responder.ts";
import { tellAddresses } from "./update-addresses.ts";

/** §1.4: always answered, if with nothing: that is what liveness checks live on. */
export function answerInformational(ikeSa: IkeSa, request: Request, now: number): Answer {
  const { payloads } = request;
  const deletes = payloads.filter((payload): payload is DeletePayload => payload.type === "DELETE");
  if (deletes.some(({ protocolId }) => protocolId === ProtocolId.IKE)) return { payloads: [], then: (at) => endByPeer(ikeSa, at) };
  if (findNotify(payloads, NotifyType.AUTHENTICATION_FAILED) !== undefined) {
    const { peers } = ikeSa;
    const shown = peers === undefined ? "" : `, which was ${formatIdentity(peers.localId)} by ${peers.localAuth}`;
    return { payloads: [], then: (at) => ikeSa.destroy(`the peer does not accept our proof of identity${shown}`, "peer", at) };
  }
  const mobike = answerMobike(ikeSa, request);
  // §3.15.4: who got no address may ask again here.
  const configuration = answerConfigurationAlone(ikeSa, payloads);
  const answer = [...answerDeleteChildren(ikeSa, deletes, now), ...mobike.payloads, ...configuration];
  noteInvalidSpi(ikeSa, payloads, now);
  notePeersToken(ikeSa, payloads);
  noteRedirect(ikeSa, payloads);
  const hasWindow = noteWindow(ikeSa, payloads, now);
  return { ...mobike, payloads: hasWindow ? [...answer, setWindowSize(ikeSa.services.config.windowSize)] : answer };
}

/** §2.8.2, §2.25.2: a Delete of an IKE SA that we are rekeying ourselves voids our attempt; the peer's own has the Child SAs then. */
function endByPeer(ikeSa: IkeSa, now: number): void {
  const rival = ikeSa.state.kind === "REKEYING" ? ikeSa.state.rekey.rival : undefined;
  if (rival !== undefined) takeOver(ikeSa, rival, now);
  const isReplaced = rival !== undefined || ikeSa.state.kind === "REKEYED";
  ikeSa.destroy(isReplaced ? "rekeyed" : "deleted by the peer", "peer", now);
}

/** SET_WINDOW_SIZE (§2.3): says whether there was one. */
function noteWindow(ikeSa: IkeSa, payloads: readonly Payload[], now: number): boolean {
  const window = findNotify(payloads, NotifyType.SET_WINDOW_SIZE);
  if (window === undefined) return false;
  ikeSa.exchanger.setWindow(Math.min(windowSizeOf(window), ikeSa.services.config.windowSize), now);
  return true;
}

/** A question to which only the answer matters (§2.4). */
export class LivenessCheck implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL liveness check";
  readonly order = "first";
  readonly concerns = "nothing";

  /** RFC 4555 §3.8: the initiator behind a NAT asks as well whether it still looks the same from there. */
  begin(host: IkeSa): readonly Payload[] {
    return host.mobike?.role === "initiator" && host.nat.here ? natDetectionFor(host, host.addresses) : [];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    const seenAs = seenAddressHash(payloads);
    if (seenAs === undefined || host.mobike?.role !== "initiator") return;
    if (host.seenAs === undefined || !equalOctets(seenAs, host.seenAs)) tellAddresses(host, now);
  }

  abandon(): void {
    return;
  }
}

/** A rekeyed IKE SA begins with a window of one (§2.18): say again how much we take. */
export class AnnounceWindow implements Exchange<IkeSa> {
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  readonly name = "INFORMATIONAL window size";
  readonly order = "first";
  readonly concerns = "nothing";

  begin(host: IkeSa): readonly Payload[] {
    return [setWindowSize(host.services.config.windowSize)];
  }

  handleResponse(host: IkeSa, payloads: readonly Payload[], now: number): void {
    noteWindow(host, payloads, now);
  }

  abandon(): void {
    return;
  }
}
