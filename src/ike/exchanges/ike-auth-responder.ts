/** IKE_AUTH as responder (RFC 7296 §1.2, §2.15): who the peer is, its proof, ours, and the first Child SA along with them. */
import { NotifyType } from "../../wire/iana/index.ts";
import { findNotify, notify, setWindowSize, windowSizeOf } from "../../wire/notify.ts";
import type { AuthPayload, NotifyPayload, Payload } from "../../wire/payload.ts";
import { encodingsAskedFor } from "../certificate-payloads.ts";
import { acceptChild } from "../child-acceptance.ts";
import { installChild } from "../child-installation.ts";
import type { ConnectionConfig } from "../config.ts";
import { AuthenticationFailed, NoAgreement } from "../errors.ts";
import { espSpiOctets } from "../esp-spi.ts";
import type { Handshake } from "../handshake.ts";
import { formatIdentity, type Identity } from "../identity.ts";
import type { Answer, Request } from "../answer.ts";
import type { IkeSa } from "../ike-sa.ts";
import { adoptMobike, mobikeOffer } from "../mobike-notifies.ts";
import { admission } from "../pad.ts";
import { blamingPpk, settlePpkAsResponder } from "../ppk.ts";
import { acceptsMethod, prove, requireProof } from "../proof.ts";
import { answerProposal } from "../proposals.ts";
import { only, required } from "../required.ts";

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
  const { config, remoteId, proof } = identify(payloads, context.candidates);
  const ppk = settlePpkAsResponder(ikeSa.keys, config, handshake.peerAbilities, payloads, proof);
  const remoteAuth = blamingPpk(ppk, () => requireProof(ikeSa, "initiator", config, handshake, remoteId, ppk.proof, payloads));
  const own = prove(ikeSa, "responder", config, handshake, remoteId, encodingsAskedFor(payloads));
  ikeSa.config = config;
  ikeSa.peers = { localId: config.local.id, remoteId, localAuth: own.how, remoteAuth: remoteAuth + ppk.note };
  context.admit(ikeSa);
  // What is malformed about the rest of the request must be found before anything is made of it.
  required(payloads, "SA");
  const window = findNotify(payloads, NotifyType.SET_WINDOW_SIZE);
  const windowSize = window === undefined ? 1 : windowSizeOf(window);
  adoptMobike(ikeSa, config, payloads);
  ikeSa.transition({ kind: "ESTABLISHED" }, "authenticated");
  context.established(ikeSa, findNotify(payloads, NotifyType.INITIAL_CONTACT) !== undefined, now);
  const child = answerChild(ikeSa, request, context, now);
  return {
    payloads: [
      { type: "IDr", ...config.local.id },
      ...own.certificates,
      own.auth,
      setWindowSize(ikeSa.services.config.windowSize),
      ...child,
      ...(ikeSa.mobike === undefined ? [] : mobikeOffer(ikeSa, config)),
      ...ppk.notifies,
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
): { config: ConnectionConfig; remoteId: Identity; proof: AuthPayload } {
  const idi = required(payloads, "IDi");
  const idr = only(payloads, "IDr");
  const remoteId: Identity = { idType: idi.idType, data: idi.data.slice() };
  const admitting = candidates
    .map((config) => ({ config, how: admission(config, remoteId, idr) }))
    .sort((a, b) => rank(a.how) - rank(b.how))
    .filter(({ how }) => how !== undefined);
  const method = only(payloads, "AUTH")?.method;
  const fitting = admitting.find(({ config: { remote } }) => method !== undefined && acceptsMethod(remote, method));
  const config = (fitting ?? admitting[0])?.config;
  if (config === undefined) {
    const asked = idr === undefined ? "" : ` that asks for ${formatIdentity(idr)}`;
    throw new AuthenticationFailed(`No connection admits a peer that calls itself ${formatIdentity(remoteId)}${asked}.`);
  }
  return { config, remoteId, proof: proofOf(payloads, remoteId) };
}

const rank = (how: ReturnType<typeof admission>): number => ["named", "any", undefined].indexOf(how);

function proofOf(payloads: readonly Payload[], remoteId: Identity): AuthPayload {
  const proof = only(payloads, "AUTH");
  // §2.16: leaving it out asks for EAP.
  if (proof === undefined)
    throw new AuthenticationFailed(`${formatIdentity(remoteId)} wants to authenticate by EAP, which is not configured.`);
  return proof;
}

/** §1.2: a Child SA that comes to nothing leaves the IKE SA standing; the error takes the place of its payloads. */
function answerChild(ikeSa: IkeSa, { payloads, messageId }: Request, context: IkeAuthContext, now: number): Payload[] {
  try {
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
      { type: "SA", proposals: [answerProposal(acceptance.agreed.chosen, espSpiOctets(spiIn))] },
      { type: "TSi", selectors: acceptance.agreed.remoteTs },
      { type: "TSr", selectors: acceptance.agreed.localTs },
    ];
  } catch (error) {
    if (!(error instanceof NoAgreement)) throw error;
    context.childRefused(ikeSa, error.notifyType, error.message);
    return [refusal(error)];
  }
}

const refusal = ({ notifyType, data }: NoAgreement): NotifyPayload => notify(notifyType, data);
