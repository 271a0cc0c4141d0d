/**
 * One IKE SA: its identity, life, keys and message path (RFC 7296 §2). What the exchanges mean is in exchanges/, reached through the
 * {@link IkeSaOwner}; what it has negotiated for ESP is in its Child SAs and their groups.
 */
import type { ChildSaId, CpuIndex, EspSpi } from "../ipsec/names.ts";
import type { Encapsulation, SocketAddress } from "../ipsec/sadb.ts";
import { ExchangeType, NotifyType } from "../wire/iana/index.ts";
import { formatIkeSpi, type IkeSpi } from "../wire/ike-header.ts";
import { encodePayloadChain, type DecodedMessage, type MessageHeader } from "../wire/message.ts";
import { notify, unsupportedCriticalPayload } from "../wire/notify.ts";
import type { Payload } from "../wire/payload.ts";
import { unencryptedForm } from "../wire/unencrypted-form.ts";
import type { Answer, LastAnswer, Request } from "./answer.ts";
import type { ChildSa, TransportAddresses } from "./child-sa.ts";
import type { IkeSaId } from "./command.ts";
import type { ConnectionConfig } from "./config.ts";
import { messageRoom } from "./datagram-room.ts";
import type { DropReason } from "./counters.ts";
import { Deliveries } from "./deliveries.ts";
import { BrokenInvariant, MalformedMessage, PeerMisbehaved } from "./errors.ts";
import type { ChildSaRef, IkeSaRef } from "./events.ts";
import { Exchanger, type Abandoned, type Exchange } from "./exchanger.ts";
import { NO_FRAGMENTATION, type Fragmentation } from "./fragmentation-support.ts";
import type { GroupBinding, GroupOwner } from "./group-binding.ts";
import type { AuthenticatedPeers } from "./identity.ts";
import type { Handshake } from "./handshake.ts";
import { IkeSaKeys } from "./ike-sa-keys.ts";
import type { IkeSaOwner } from "./ike-sa-owner.ts";
import type { IkeSaParameters } from "./ike-sa-parameters.ts";
import { followPeer } from "./ike-sa-path.ts";
import { NEXT_IKE_SA_STATES, type IkeSaState } from "./ike-sa-state.ts";
import { IntermediateTranscript } from "./intermediate-transcript.ts";
import { KeyEpochs } from "./key-epochs.ts";
import { dueAfter } from "./message-ids.ts";
import { MessageOpener, usablePayloads, type Expectation, type OpenedMessage } from "./message-opener.ts";
import type { Mobike } from "./mobike.ts";
import type { NatSituation } from "./nat-detection.ts";
import { NO_CONFIGURATION, type NegotiatedConfiguration } from "./negotiated-configuration.ts";
import { PendingFollowups, type Followup } from "./pending-followups.ts";
import { RequestWindow } from "./request-window.ts";
import type { Services } from "./services.ts";
import type { Timer } from "./timers.ts";

export class IkeSa implements GroupOwner {
  readonly id: IkeSaId;
  readonly services: Services;
  readonly owner: IkeSaOwner<IkeSa>;
  readonly isOriginalInitiator: boolean;
  readonly ownSpi: IkeSpi;
  readonly createdAt: number;
  readonly exchanger: Exchanger<IkeSa>;
  readonly children = new Map<ChildSaId, ChildSa>();
  /** By negotiated selectors. */
  readonly groups = new Map<string, GroupBinding>();
  readonly timers: Timer[] = [];
  readonly intermediate = new IntermediateTranscript();
  readonly followups: PendingFollowups;
  /** The peer's rekey of this IKE SA, while its additional key exchanges are to come. */
  peersFollowup: Followup | undefined;
  /** SPIs that the peer has deleted before we had them (early-deletes.ts). */
  readonly earlyDeletes = new Set<EspSpi>();
  peerSpi: IkeSpi;
  addresses: TransportAddresses;
  nat: NatSituation = { supported: false, here: false, there: false };
  /** What ESP goes in, as was last told. */
  encapsulation: Encapsulation | undefined;
  /** When both ends take part. */
  mobike: Mobike | undefined;
  /** How the peer saw us when it last said so (RFC 4555 §3.8). */
  seenAs: Uint8Array | undefined;
  fragmentation: Fragmentation = NO_FRAGMENTATION;
  /** Unknown to a responder until IKE_AUTH tells who the peer is. */
  config: ConnectionConfig | undefined;
  peers: AuthenticatedPeers | undefined;
  configuration: NegotiatedConfiguration = NO_CONFIGURATION;
  /** When the peer last proved to be alive: a new protected message, or ESP. */
  lastHeardAt: number;
  lastSentAt: number;
  /** What the peer says in the clear if it has lost this IKE SA (RFC 6290). */
  peersToken: Uint8Array | undefined;
  /** When we last asked whether the peer lives because of a hint, told it of an unknown SPI, and rekeyed because it told us of one. */
  readonly suspicions = { checkedAt: -Infinity, toldAt: -Infinity, rekeyedAt: -Infinity };
  /** When the peer was authenticated, however often the IKE SA has been rekeyed since. */
  establishedAt = Infinity;
  rekeyAt: number | undefined;
  /** It is closed because the peer has to prove anew who it is: a new one is to take its place. */
  isToBeReauthenticated = false;
  readonly #keys = new KeyEpochs();
  #state: IkeSaState<IkeSa>;
  readonly #requests: RequestWindow;
  readonly #opener: MessageOpener;
  /** Child SAs that our answers have made. */
  readonly #deliveries: Deliveries<ChildSa>;
  #lastAnswer: LastAnswer | undefined;
  #isInUse = false;
  #lingering = 0;

  constructor(parameters: IkeSaParameters<IkeSa>, services: Services, owner: IkeSaOwner<IkeSa>) {
    this.id = services.newIkeSaId();
    this.services = services;
    this.owner = owner;
    this.isOriginalInitiator = parameters.isOriginalInitiator;
    this.ownSpi = parameters.ownSpi;
    this.peerSpi = parameters.peerSpi;
    this.addresses = parameters.addresses;
    this.createdAt = parameters.createdAt;
    this.lastHeardAt = parameters.createdAt;
    this.lastSentAt = parameters.createdAt;
    this.#state = parameters.state;
    this.#deliveries = new Deliveries(services.timers, (child, now) => this.confirm(child, now));
    this.#requests = new RequestWindow(services.config.windowSize, parameters.peersFirstMessageId);
    this.#opener = new MessageOpener(services.counters);
    this.followups = new PendingFollowups(services.timers, services.entropy, services.config.windowSize);
    this.exchanger = new Exchanger<IkeSa>(
      this,
      {
        timers: services.timers,
        config: services.config.retransmit,
        random: () => services.random(),
        seal: (exchangeType, messageId, payloads) => this.#seal(exchangeType, messageId, false, payloads),
        send: (datagrams, exchange, messageId, attempt, now) => this.#sendRequest(datagrams, exchange, messageId, attempt, now),
        // §2.25.2, as the peer is about to replace this IKE SA.
        isHeld: ({ concerns }) => concerns === "child" && this.followups.has("ike"),
        used: (messageId, now) => this.#noteMessageId(messageId, now),
        peerUnreachable: (exchange, now) => owner.peerUnreachable(this, exchange, now),
      },
      parameters.firstMessageId,
    );
  }

  get state(): IkeSaState<IkeSa> {
    return this.#state;
  }

  /** Authenticated, and open for new Child SAs: neither replaced nor on its way out. */
  get isEstablished(): boolean {
    return this.#state.kind === "ESTABLISHED" || this.#state.kind === "REKEYING";
  }

  /** It has been established, and no successor has taken everything over from it: its end is the end of something. */
  get isInUse(): boolean {
    return this.#isInUse;
  }

  get initiatorSpi(): IkeSpi {
    return this.isOriginalInitiator ? this.ownSpi : this.peerSpi;
  }

  get responderSpi(): IkeSpi {
    return this.isOriginalInitiator ? this.peerSpi : this.ownSpi;
  }

  get keys(): IkeSaKeys {
    if (this.#keys.current === undefined) throw new BrokenInvariant("an IKE SA is used before it has keys");
    return this.#keys.current;
  }

  get hasKeys(): boolean {
    return this.#keys.current !== undefined;
  }

  /** Child SAs that take up room: also those that are deleted, and linger for packets on their way. */
  get childSasPresent(): number {
    return this.children.size + this.#lingering;
  }

  get connectionName(): string {
    return this.config?.name ?? "(unknown)";
  }

  get ref(): IkeSaRef {
    const [initiatorSpi, responderSpi] = [formatIkeSpi(this.initiatorSpi), formatIkeSpi(this.responderSpi)];
    return { ikeSa: this.id, connection: this.connectionName, initiatorSpi, responderSpi };
  }

  childRef(child: ChildSa): ChildSaRef {
    const { id, cpu, spiIn, spiOut, config } = child.parameters;
    return { ikeSa: this.id, connection: this.connectionName, child: config.name, childSa: id, cpu, spiIn, spiOut };
  }

  useKeys(keys: IkeSaKeys): void {
    this.#keys.begin(keys);
    this.#logKeys(keys);
  }

  #logKeys(keys: IkeSaKeys): void {
    this.services.onKeys?.(keys.material(this.initiatorSpi, this.responderSpi));
  }

  /** Onto the keys that an IKE_INTERMEDIATE exchange has made (RFC 9370 §2.2.2). Wipes `sharedSecret`. */
  strengthenKeys(sharedSecret: Uint8Array, { nonceI, nonceR }: Pick<Handshake, "nonceI" | "nonceR">): void {
    const { initiatorSpi: spiI, responderSpi: spiR } = this;
    const inputs = { nonceI, nonceR, spiI, spiR, sharedSecret };
    const keys = IkeSaKeys.strengthen(this.keys, inputs, this.isOriginalInitiator, this.services.entropy);
    this.#keys.replace(keys, this.isOriginalInitiator ? undefined : this.#requests.next);
    this.#logKeys(keys);
  }

  transition(next: IkeSaState<IkeSa>, why: string): void {
    const from = this.#state.kind;
    if (!NEXT_IKE_SA_STATES[from].includes(next.kind))
      throw new BrokenInvariant(`IKE SA ${formatIkeSpi(this.ownSpi)}: ${from} → ${next.kind} (${why})`);
    this.#state = next;
    if (next.kind === "ESTABLISHED") this.#isInUse = true;
    this.services.outputs.event({ kind: "transition", sa: this.ref, from, to: next.kind, why });
  }

  /** The Child SA whose outbound SPI this is: Delete and REKEY_SA name SAs by the SPI that their sender receives on (RFC 7296 §3.10, §3.11). */
  childByOutboundSpi(spi: EspSpi): ChildSa | undefined {
    for (const child of this.children.values()) {
      if (child.parameters.spiOut === spi) return child;
    }
    return undefined;
  }

  /** A message that carries our SPI, in whatever state we are. */
  handleMessage(message: DecodedMessage, octets: Uint8Array, path: TransportAddresses, now: number): void {
    const { header } = message;
    const { counters } = this.services;
    // The I flag tells the two directions apart: our own message come back is nobody's (RFC 7296 §3.1).
    const isFromPeer = header.isInitiator !== this.isOriginalInitiator;
    const keys = isFromPeer ? this.#keys.of(header) : undefined;
    const opened = keys === undefined ? "unprotected" : this.#open(message, octets, keys);
    if (opened === undefined) return;
    if (typeof opened === "string") {
      counters.drop(opened);
      return;
    }
    // Who has not proved its identity may answer, not ask. A peer that was quicker than its own answer will repeat itself.
    if (!header.isResponse && this.#state.kind === "AUTHENTICATING") {
      counters.drop("wrongExchange");
      return;
    }
    if (header.isResponse) this.#handleResponse(message, opened, path, now);
    else this.#handleRequest(message, opened, path, now);
  }

  #open(message: DecodedMessage, octets: Uint8Array, { protection }: IkeSaKeys): OpenedMessage | DropReason | undefined {
    return this.#opener.open(message, octets, protection, this.fragmentation.accepts, this.#expectationOf(message.header));
  }

  #expectationOf({ isResponse, messageId }: DecodedMessage["header"]): Expectation {
    if (isResponse) return this.exchanger.exchangeOf(messageId) === undefined ? "unknownResponse" : "new";
    const { kind } = this.#requests.classify(messageId);
    // RFC 7296 §2.3: the window is one until the peer has authenticated itself. Nobody else makes us keep fragments of more than one message.
    if (kind === "new" && this.#state.kind === "HALF_OPEN" && messageId !== this.#requests.next) return "outsideWindow";
    return kind === "repeated" ? "answered" : kind === "outside" ? "outsideWindow" : kind;
  }

  /**
   * A Child SA that our answer to `messageId` has made is confirmed when a later request shows that the answer has arrived, when a packet has
   * come in on it, or when the peer has not asked again for long enough.
   */
  confirmOnDelivery(messageId: number, child: ChildSa, now: number): void {
    this.#deliveries.add(messageId, child, now);
  }

  /** The peer has it too: its outbound half may be used, and requests may name it. */
  confirm(child: ChildSa, now: number): void {
    if (child.isConfirmed) return;
    child.isConfirmed = true;
    child.mayBeNamed = true;
    child.group.confirm(child, now);
    this.exchanger.pump(now);
  }

  /** GroupOwner */
  createChildSa(group: GroupBinding, cpu: CpuIndex, now: number): void {
    this.owner.createChildSa(this, group, cpu, now);
  }

  /** GroupOwner */
  rekeyChildSa(child: ChildSa, now: number): void {
    this.owner.rekeyChildSa(this, child, now);
  }

  /** GroupOwner */
  deleteChildSa(child: ChildSa, why: string, now: number): void {
    this.owner.deleteChildSa(this, child, why, now);
  }

  /** Silently: without a Delete, and with all that it has negotiated. */
  destroy(why: string, by: "local" | "peer", now: number, abandoned: Abandoned = "IKE SA deleted"): void {
    const from = this.#state.kind;
    if (from === "DEAD") return;
    this.transition({ kind: "DEAD" }, why);
    for (const timer of this.timers.splice(0)) timer.cancel();
    this.#deliveries.stop();
    this.followups.clear(now);
    this.exchanger.stop(abandoned, now);
    for (const group of this.groups.values()) group.end(now);
    this.groups.clear();
    for (const child of [...this.children.values()]) this.forget(child, why, by, now);
    this.#keys.wipe();
    this.services.releaseIkeSpi(this.ownSpi);
    this.owner.ikeSaGone(this, { from, why, by, isPeerDead: abandoned === "peer unreachable", lastAnswer: this.#lastAnswer }, now);
  }

  /** Takes a Child SA off the books after its group has let go of it; its inbound half may linger for packets on their way. */
  forget(child: ChildSa, why: string, by: "local" | "peer", now: number): void {
    if (child.state.kind === "DEAD") return;
    child.transition({ kind: "DEAD" });
    child.cancelTimers();
    this.children.delete(child.id);
    // The peer has not closed the old one yet, and will hardly do so now: it is in use again.
    const { predecessor } = child;
    if (predecessor?.state.kind === "REKEYED" && predecessor.successor === child) predecessor.transition({ kind: "INSTALLED" });
    child.removeOutbound();
    for (const [key, group] of this.groups) if (group === child.group && group.isOver) this.groups.delete(key);
    this.owner.childSaDown(this, child, why, by);
    const release = (): void => {
      child.removeInbound();
      this.services.releaseEspSpi(child.parameters.spiIn);
    };
    if (this.#state.kind === "DEAD") {
      release();
      return;
    }
    this.#lingering++;
    this.services.timers.schedule(now + this.services.config.deleteGrace, "grace", () => {
      this.#lingering--;
      release();
    });
  }

  /** After a rekey, the new IKE SA has everything that the old one had negotiated, and what it was about to negotiate (RFC 7296 §2.8). */
  inheritFrom(old: IkeSa, now: number): void {
    old.#isInUse = false;
    if (this.mobike?.hasMoved === true) {
      // The peer was quicker: it has moved this one already.
      this.mobike.isChecking = true;
    } else {
      // They may have changed since the exchange that made this one.
      this.addresses = old.addresses;
      this.nat = old.nat;
      this.encapsulation = old.encapsulation;
      this.mobike = old.mobike?.successor();
    }
    for (const child of old.children.values()) this.children.set(child.id, child);
    for (const [key, group] of old.groups) {
      group.owner = this;
      this.groups.set(key, group);
    }
    old.children.clear();
    old.groups.clear();
    // An answer on the old IKE SA that the peer has not acknowledged is acknowledged by its going over to the new one.
    for (const child of old.#deliveries.stop()) this.confirm(child, now);
    for (const exchange of old.exchanger.takeQueue()) this.exchanger.enqueue(exchange, now);
  }

  #handleResponse(
    { header, unsupportedCritical }: DecodedMessage,
    { inside, unencrypted }: OpenedMessage,
    path: TransportAddresses,
    now: number,
  ): void {
    const exchange = this.exchanger.exchangeOf(header.messageId);
    if (exchange?.exchangeType !== header.exchangeType) {
      this.services.counters.drop("unknownResponse");
      return;
    }
    this.lastHeardAt = now;
    this.mobike?.failedPaths.clear();
    if (this.isEstablished) followPeer(this, path, now);
    this.#noteIntermediate(header, unencrypted);
    try {
      this.exchanger.handleResponse(header.messageId, usablePayloads(inside, unsupportedCritical), now);
    } catch (error) {
      if (!(error instanceof PeerMisbehaved) && !(error instanceof MalformedMessage)) throw error;
      this.services.counters.drop("answerRefused");
      this.owner.responseRefused(this, exchange.name, error, now);
    }
  }

  #handleRequest(
    { header, unsupportedCritical }: DecodedMessage,
    { inside, datagram, unencrypted }: OpenedMessage,
    path: TransportAddresses,
    now: number,
  ): void {
    const { counters } = this.services;
    const verdict = this.#requests.classify(header.messageId);
    if (verdict.kind === "outside") {
      counters.drop("outsideWindow");
      return;
    }
    if (verdict.kind === "repeated") {
      counters.retransmitsIn++;
      this.#deliveries.repeated(header.messageId, now);
      this.#transmit(verdict.response, path, now);
      return;
    }
    this.lastHeardAt = now;
    followPeer(this, path, now);
    this.#deliveries.deliverBelow(this.#requests.deliveredBefore(header.messageId), now);
    const { exchangeType, messageId } = header;
    // What comes under the new keys shows that there is nothing left to repeat under the old ones.
    this.#keys.forgetOutdated();
    this.#noteIntermediate(header, unencrypted);
    const answer = this.#answer(inside, unsupportedCritical, { exchangeType, messageId, path }, now);
    const response = this.#seal(exchangeType, messageId, true, answer.payloads);
    this.#requests.answered(messageId, response);
    this.#lastAnswer = { request: datagram, response };
    // RFC 7296 §2.11: back to where the request came from, from where it came to.
    this.#transmit(response, path, now);
    answer.then?.(now);
    this.#noteMessageId(messageId, now);
  }

  #noteMessageId(messageId: number, now: number): void {
    const due = dueAfter(messageId);
    if (due !== undefined) this.owner.messageIdsRunOut(this, due, now);
  }

  #answer(inside: OpenedMessage["inside"], outerCritical: number | undefined, about: Omit<Request, "payloads">, now: number): Answer {
    if (inside instanceof MalformedMessage) {
      this.services.counters.drop("malformedInside");
      const why = `the peer sent a malformed message under protection (${inside.message})`;
      return { payloads: [notify(NotifyType.INVALID_SYNTAX)], then: (at) => this.destroy(why, "local", at) };
    }
    const critical = outerCritical ?? inside.unsupportedCritical;
    if (critical !== undefined) return { payloads: [unsupportedCriticalPayload(critical)] };
    return this.owner.answer(this, { ...about, payloads: inside.payloads }, now);
  }

  #seal(exchangeType: number, messageId: number, isResponse: boolean, payloads: readonly Payload[]): readonly Uint8Array[] {
    const header: MessageHeader = {
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      exchangeType,
      isInitiator: this.isOriginalInitiator,
      isResponse,
      messageId,
    };
    const inner = encodePayloadChain(payloads);
    this.#noteIntermediate(header, () => unencryptedForm(header, inner));
    const { local, remote } = this.addresses;
    const room = this.fragmentation.sends ? messageRoom(this.services.config.fragmentSize, remote, this.#hasMarker(local)) : Infinity;
    return this.keys.protection.seal(header, inner, room);
  }

  #noteIntermediate({ exchangeType, isInitiator }: MessageHeader, unencrypted: () => Uint8Array): void {
    if (exchangeType !== ExchangeType.IKE_INTERMEDIATE) return;
    this.intermediate.add(isInitiator ? "initiator" : "responder", this.keys, unencrypted());
  }

  #sendRequest(datagrams: readonly Uint8Array[], exchange: Exchange<IkeSa>, messageId: number, attempt: number, now: number): void {
    if (attempt > 0) this.#reportRetransmission(exchange.name, messageId, attempt);
    this.#transmit(datagrams, this.addresses, now);
  }

  #reportRetransmission(exchange: string, messageId: number, attempt: number): void {
    this.services.counters.retransmitsOut++;
    const { remote } = this.addresses;
    this.services.outputs.event({ kind: "retransmit", connection: this.connectionName, exchange, messageId, attempt, remote });
  }

  /** A message of IKE_SA_INIT, which has no protection. */
  sendClear(datagrams: readonly Uint8Array[], attempt: number, now: number): void {
    if (attempt > 0) this.#reportRetransmission("IKE_SA_INIT", 0, attempt);
    this.#transmit(datagrams, this.addresses, now);
  }

  #transmit(datagrams: readonly Uint8Array[], { local, remote }: TransportAddresses, now: number): void {
    const { counters, outputs } = this.services;
    this.lastSentAt = now;
    counters.messagesOut++;
    if (datagrams.length > 1) counters.fragmentsOut += datagrams.length;
    for (const datagram of datagrams) outputs.transmit(local, remote, datagram, this.#hasMarker(local));
  }

  #hasMarker({ port }: SocketAddress): boolean {
    return port !== this.services.config.ikePort;
  }
}
