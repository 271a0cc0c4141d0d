/** IKE_AUTH as responder (RFC 7296 §1.2, §2.15): who the peer is, its proof, ours, and the first Child SA along with them. */
import { NotifyType } from "../../wire/iana/index.ts";
import { findNotify, notify, setWindowSize, windowSizeOf } from "../../wire/notify.ts";
import type { AuthPayload, IdPayload, NotifyPayload, Payload } from "../../wire/payload.ts";
import { encodingsAskedFor } from "../certificate-payloads.ts";
import { acceptChild } from "../child-acceptance.ts";
import { installChild } from "../child-installation.ts";
import { asksForChildless } from "../childless.ts";
import type { ConnectionConfig } from "../config.ts";
import { notePeersToken, ownToken } from "../crash-tokens.ts";
import { AuthenticationFailed, NoAgreement } from "../errors.ts";
import { espSpiOctets } from "../esp-spi.ts";
import type { Handshake } from "../handshake.ts";
import { formatIdentity, type Identity } from "../identity.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { adoptMobike, mobikeOffer } from "../mobike-notifies.ts";
import { admission, ownIdentity } from "../pad.ts";
import { blamingPpk, settlePpkAsResponder } from "../ppk.ts";
import { acceptsMethod, prove, requireProof } from "../proof.ts";
import { answerProposal } from "../proposals.ts";
import { only, required } from "../required.ts";
import { transportNotify } from "../transport-mode.ts";
import { answerConfiguration, answerConfigurationAlone, checkConfiguration, requireLease } from "./configuration-responder.ts";

/** What the endpoint knows and decides about a peer that authenticates. */
export interface IkeAuthContext {
  readonly handshake: Handshake;
  /** Connections that addresses and algorithms allow. */
  readonly candidates: readonly ConnectionConfig[];
  /** Throws AuthenticationFailed when there is one IKE SA already that must stay the only one (`unique: keep`). */
  readonly admit: (ikeSa: IkeSa) => void;
  /** The peer is who it says. `initialContact`: it has forgotten all earlier IKE SAs (§2.4). */
  readonly established: (ikeSa: IkeSa, initialContact: boolean, now: number) => void;
  /** The answer is on its way, with or without a Child SA. */
  readonly settled: (ikeSa: IkeSa, now: number) => void;
  readonly childRefused: (ikeSa: IkeSa, notifyType: number, text: string) => void;
}

/** Throws what notifyForError() knows an answer for; then there is no IKE SA. */
export function answerIkeAuth(ikeSa: IkeSa, request: Request, context: IkeAuthContext, now: number): Answer {
  const { payloads } = request;
  const { handshake } = context;
  const { config, localId, remoteId, proof } = identify(payloads, context.candidates);
  const ppk = settlePpkAsResponder(ikeSa.keys, config, handshake.peerAbilities, payloads, proof);
  const peer = blamingPpk(ppk, () => requireProof(ikeSa, "initiator", config, handshake, remoteId, ppk.proof, payloads));
  const acting = { ...config, local: { ...config.local, id: localId } };
  const own = prove(ikeSa, "responder", acting, handshake, remoteId, encodingsAskedFor(payloads));
  ikeSa.config = config;
  ikeSa.peers = {
    localId,
    remoteId,
    localAuth: own.how,
    remoteAuth: peer.how + ppk.note,
    remoteValidUntil: peer.validUntil,
  };
  context.admit(ikeSa);
  // What is malformed about the rest of the request must be found before anything is made of it.
  const isChildless = asksForChildless(payloads, config);
  if (!isChildless) required(payloads, "SA");
  checkConfiguration(payloads);
  const window = findNotify(payloads, NotifyType.SET_WINDOW_SIZE);
  const windowSize = window === undefined ? 1 : windowSizeOf(window);
  adoptMobike(ikeSa, config, payloads);
  notePeersToken(ikeSa, payloads);
  ikeSa.transition({ kind: "ESTABLISHED" }, "authenticated");
  context.established(ikeSa, findNotify(payloads, NotifyType.INITIAL_CONTACT) !== undefined, now);
  const child = isChildless ? answerConfigurationAlone(ikeSa, payloads) : answerChild(ikeSa, request, context, now);
  return {
    payloads: [
      { type: "IDr", ...localId },
      ...own.certificates,
      own.auth,
      setWindowSize(ikeSa.services.config.windowSize),
      ...child,
      ...(ikeSa.mobike === undefined ? [] : mobikeOffer(ikeSa, config)),
      ...ppk.notifies,
      ...ownToken(ikeSa),
    ],
    then: (at) => {
      // §2.3: the window is one until the initial exchanges are over.
      ikeSa.exchanger.setWindow(Math.min(windowSize, ikeSa.services.config.windowSize), at);
      context.settled(ikeSa, at);
    },
  };
}

/** Of connections that admit the peer, one that has its method of proof goes before one that has not, and then fails for that. */
function identify(
  payloads: readonly Payload[],
  candidates: readonly ConnectionConfig[],
): { config: ConnectionConfig; localId: Identity; remoteId: Identity; proof: AuthPayload } {
  const remoteId = identityOf(required(payloads, "IDi"));
  const idr = only(payloads, "IDr");
  const asked = idr === undefined ? undefined : identityOf(idr);
  const admitting = candidates
    .flatMap((config) => {
      const [how, localId] = [admission(config, remoteId, asked), ownIdentity(config.local, asked)];
      return how === undefined || localId === undefined ? [] : [{ config, how, localId }];
    })
    .sort((a, b) => rank(a) - rank(b));
  const method = only(payloads, "AUTH")?.method;
  const fitting = admitting.find(({ config: { remote } }) => method !== undefined && acceptsMethod(remote, method));
  const found = fitting ?? admitting[0];
  if (found === undefined) {
    const whom = asked === undefined ? "" : ` that asks for ${formatIdentity(asked)}`;
    throw new AuthenticationFailed(`No connection admits a peer that calls itself ${formatIdentity(remoteId)}${whom}.`);
  }
  const { config, localId } = found;
  return { config, localId, remoteId, proof: proofOf(payloads, remoteId) };
}

/** A copy: payloads are views of a datagram. */
const identityOf = ({ idType, data }: IdPayload): Identity => ({ idType, data: data.slice() });

/** Who is named goes before whoever; then, the identity that is configured for us before another one of our certificate. */
function rank({ config, how, localId }: { config: ConnectionConfig; how: "named" | "any"; localId: Identity }): number {
  return (how === "named" ? 0 : 2) + (localId === config.local.id ? 0 : 1);
}

function proofOf(payloads: readonly Payload[], remoteId: Identity): AuthPayload {
  const proof = only(payloads, "AUTH");
  // §2.16: leaving it out asks for EAP.
  if (proof === undefined)
    throw new AuthenticationFailed(`${formatIdentity(remoteId)} wants to authenticate by EAP, which is not configured.`);
  return proof;
}

/** §1.2: a Child SA that comes to nothing leaves the IKE SA standing; the error takes the place of its payloads. */
function answerChild(ikeSa: IkeSa, { payloads, messageId }: Request, context: IkeAuthContext, now: number): Payload[] {
  const configuration = answerConfiguration(ikeSa, payloads);
  try {
    if (configuration.failure !== undefined) throw configuration.failure;
    requireLease(ikeSa);
    const acceptance = acceptChild(ikeSa, payloads, undefined, true);
    const { nonceI, nonceR } = context.handshake;
    const spiIn = ikeSa.services.reserveEspSpi(acceptance.cpu);
    const keyInputs = { role: "responder" as const, nonceI, nonceR, sharedSecret: undefined };
    const child = installChild(
      ikeSa,
      { ...acceptance, keyInputs, spiIn, rekeyOf: undefined, peerPayloads: payloads, awaitDelivery: messageId },
      now,
    );
    // Whoever has not got our answer to IKE_AUTH listens to no request of ours either, and will get both.
    child.mayBeNamed = true;
    return [
      ...acceptance.group.answerNotifies(acceptance.purpose, acceptance.cpu, payloads),
      ...configuration.payloads,
      ...transportNotify(acceptance.agreed.mode),
      { type: "SA", proposals: [answerProposal(acceptance.agreed.chosen, espSpiOctets(spiIn))] },
      { type: "TSi", selectors: acceptance.agreed.remoteTs },
      { type: "TSr", selectors: acceptance.agreed.localTs },
    ];
  } catch (error) {
    if (!(error instanceof NoAgreement)) throw error;
    context.childRefused(ikeSa, error.notifyType, error.message);
    return [...configuration.payloads, refusal(error)];
  }
}

const refusal = ({ notifyType, data }: NoAgreement): NotifyPayload => notify(notifyType, data);
