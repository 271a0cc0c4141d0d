/**
 * IKE_SA_INIT as responder (RFC 7296 §1.2, §2.6, §2.7, §2.23). Whoever sends the request has proved nothing: it gets either a stateless
 * answer, of which the endpoint limits the rate, or one half-open IKE SA, of which the guard limits the number.
 */
import { respondKeyExchange } from "../../crypto/key-exchange.ts";
import { SIGNATURE_HASHES } from "../../crypto/signature.ts";
import { ExchangeType, isAdditionalKeyExchange, KeyExchangeMethod, NotifyType } from "../../wire/iana/index.ts";
import { NO_IKE_SPI, type IkeSpi } from "../../wire/ike-header.ts";
import { encodeMessage, type DecodedMessage } from "../../wire/message.ts";
import { cookie, findNotify, invalidKe, notify, signatureHashAlgorithms, unsupportedCriticalPayload } from "../../wire/notify.ts";
import type { NotifyPayload, Payload } from "../../wire/payload.ts";
import { certificateRequests } from "../certificate-payloads.ts";
import type { TransportAddresses } from "../child-sa.ts";
import { childlessNotifies } from "../childless.ts";
import type { ConnectionConfig } from "../config.ts";
import type { DropReason } from "../counters.ts";
import { notifyForError } from "../errors.ts";
import type { HalfOpenGuard } from "../half-open.ts";
import { agreeOnFragmentation, fragmentationNotifies } from "../fragmentation-support.ts";
import type { Handshake } from "../handshake.ts";
import { IkeSaKeys } from "../ike-sa-keys.ts";
import type { IkeSaOwner } from "../ike-sa-owner.ts";
import { IkeSa } from "../ike-sa.ts";
import { agreeOnSecret, isBadPublicValue } from "../key-agreement.ts";
import { detectNat, natDetectionNotifies } from "../nat-detection.ts";
import { newNonce } from "../nonce.ts";
import { peerAbilitiesOf } from "../peer-abilities.ts";
import { usePpkNotifies } from "../ppk.ts";
import {
  additionalKeyExchangesOf,
  answerProposal,
  chooseProposal,
  keyExchangeOf,
  withoutAdditionalKeyExchanges,
  type ChosenProposal,
} from "../proposals.ts";
import { required } from "../required.ts";
import type { Services } from "../services.ts";

export interface IkeSaInitRequest {
  readonly message: DecodedMessage;
  readonly octets: Uint8Array;
  readonly path: TransportAddresses;
  /** Connections whose addresses match, in the order of the configuration; at least one. */
  readonly candidates: readonly ConnectionConfig[];
}

export type IkeSaInitResult =
  /** `response` is what goes back, now and to every repetition of the request. `isProven`: a good cookie came with it. */
  | { readonly kind: "half-open"; readonly ikeSa: IkeSa; readonly handshake: Handshake; readonly isProven: boolean }
  /** Goes back, and nothing is kept. `text` is for the operator. */
  | { readonly kind: "stateless"; readonly response: Uint8Array; readonly notifyType: number; readonly text: string }
  | { readonly kind: "drop"; readonly reason: DropReason };

export function answerIkeSaInit(
  request: IkeSaInitRequest,
  guard: HalfOpenGuard,
  services: Services,
  owner: IkeSaOwner<IkeSa>,
  now: number,
): IkeSaInitResult {
  const { message, path } = request;
  const stateless = (payload: NotifyPayload, text: string): IkeSaInitResult => ({
    kind: "stateless",
    response: encodeResponse(message, NO_IKE_SPI, [payload]),
    notifyType: payload.notifyType,
    text,
  });
  if (message.unsupportedCritical !== undefined) {
    return stateless(unsupportedCriticalPayload(message.unsupportedCritical), "IKE_SA_INIT has a critical payload that is unknown here");
  }
  try {
    const nonceI = required(message.payloads, "NONCE").data.slice();
    const input = { nonceI, address: path.remote.address, spiI: message.header.initiatorSpi };
    const returned = findNotify(message.payloads, NotifyType.COOKIE)?.data;
    const isGood = returned !== undefined && guard.isGoodCookie(returned, input, now);
    const verdict = guard.admit(path.remote.address, isGood, now);
    if (verdict === "demand cookie") {
      const demand = stateless(cookie(guard.cookieFor(input, now)), "many IKE SAs are not authenticated yet");
      // A request with all that it needs is longer; forged ones that are not must not have us send more than they cost.
      const isLonger = demand.kind === "stateless" && demand.response.length > request.octets.length;
      return isLonger ? { kind: "drop", reason: "malformed" } : demand;
    }
    if (verdict !== "admit") return { kind: "drop", reason: verdict };
    return negotiate(request, { nonceI, isProven: isGood }, stateless, services, owner, now);
  } catch (error) {
    if (isBadPublicValue(error)) guard.wasted(now);
    const { notifyType, data } = notifyForError(error);
    return stateless(notify(notifyType, data), error instanceof Error ? error.message : "");
  }
}

function negotiate(
  request: IkeSaInitRequest,
  { nonceI, isProven }: { readonly nonceI: Uint8Array; readonly isProven: boolean },
  stateless: (payload: NotifyPayload, text: string) => IkeSaInitResult,
  services: Services,
  owner: IkeSaOwner<IkeSa>,
  now: number,
): IkeSaInitResult {
  const { message, octets, path, candidates } = request;
  const { payloads } = message;
  const peerAbilities = peerAbilitiesOf(payloads);
  const ke = required(payloads, "KE");
  const configured = candidates.flatMap(({ proposals }) => proposals);
  const isIntermediateSupported = findNotify(payloads, NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED) !== undefined;
  const chosen = chooseProposal(
    isIntermediateSupported ? configured : withoutAdditionalKeyExchanges(configured),
    required(payloads, "SA").proposals,
    ke.method,
  );
  const method = keyExchangeOf(chosen);
  if (method !== undefined && method !== ke.method) return stateless(invalidKe(method), `the peer guessed key exchange ${ke.method}`);
  const { publicValue, sharedSecret } = agreeOnSecret(() => respondKeyExchange(ke.method, ke.data, services.entropy));
  const spiI = message.header.initiatorSpi;
  const spiR = services.reserveIkeSpi();
  const nonceR = newNonce(services.entropy);
  const ikeSa = new IkeSa(
    {
      isOriginalInitiator: false,
      ownSpi: spiR,
      peerSpi: spiI,
      state: { kind: "HALF_OPEN" },
      addresses: path,
      firstMessageId: 0,
      peersFirstMessageId: 1,
      createdAt: now,
    },
    services,
    owner,
  );
  ikeSa.nat = detectNat(payloads, spiI, NO_IKE_SPI, path.local, path.remote);
  ikeSa.fragmentation = agreeOnFragmentation(candidates, payloads);
  ikeSa.useKeys(IkeSaKeys.derive(chosen.transforms, { nonceI, nonceR, spiI, spiR, sharedSecret }, false, services.entropy));
  const fake = candidates.some(({ encap }) => encap) ? services.entropy.bytes(20) : undefined;
  const remotes = candidates.map(({ remote }) => remote);
  const answer: Payload[] = [
    { type: "SA", proposals: [answerProposal(chosen, new Uint8Array(0))] },
    { type: "KE", method: ke.method, data: publicValue },
    { type: "NONCE", data: nonceR },
    // Only to a peer that knows them (§2.23).
    ...(ikeSa.nat.supported ? natDetectionNotifies(spiI, spiR, path.local, path.remote, fake) : []),
    ...(ikeSa.fragmentation.accepts ? fragmentationNotifies(candidates) : []),
    ...(additionalKeyExchangesOf(chosen).length > 0 ? [notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)] : []),
    ...(peerAbilities.usesPpk ? usePpkNotifies(candidates) : []),
    ...childlessNotifies(candidates),
    ...(remotes.some(({ auth }) => auth === "pubkey") ? [signatureHashAlgorithms(SIGNATURE_HASHES)] : []),
    ...certificateRequests(remotes),
  ];
  const response = encodeResponse(message, spiR, answer);
  return {
    kind: "half-open",
    isProven,
    ikeSa,
    handshake: { request: octets.slice(), response, nonceI, nonceR, peerAbilities, intermediate: ikeSa.intermediate },
  };
}

function encodeResponse(request: DecodedMessage, responderSpi: IkeSpi, payloads: readonly Payload[]): Uint8Array {
  const { initiatorSpi } = request.header;
  return encodeMessage(
    { initiatorSpi, responderSpi, exchangeType: ExchangeType.IKE_SA_INIT, isInitiator: false, isResponse: true, messageId: 0 },
    payloads,
  );
}

/** Connections whose IKE proposals contain what was chosen: those that IKE_AUTH may still decide for. */
export function supportsChoice(config: ConnectionConfig, chosen: Pick<ChosenProposal, "transforms">): boolean {
  return config.proposals.some(({ transforms }) =>
    chosen.transforms.every((choice) => {
      const isLeftOut = isAdditionalKeyExchange(choice.type) && choice.id === KeyExchangeMethod.NONE;
      const ofType = transforms.filter(({ type }) => type === choice.type);
      if (ofType.length === 0 && isLeftOut) return true;
      return ofType.some((ours) => ours.id === choice.id && ours.keyLength === choice.keyLength);
    }),
  );
}
