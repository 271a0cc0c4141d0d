/**
 * Protection of the responder against floods (RFC 7296 §2.6): how many IKE SAs may wait for their IKE_AUTH, in all and from one source network, and
 * the stateless cookies that prove that a source address is real before anything is computed or kept for it.
 */
import { constantTimeEqual } from "../crypto/auth.ts";
import { makeCookie } from "../crypto/cookie.ts";
import type { Entropy } from "../crypto/entropy.ts";
import { addressOctets, parseAddress } from "../wire/address.ts";
import { ikeSpiOctets, type IkeSpi } from "../wire/ike-header.ts";
import type { EndpointConfig } from "./config.ts";
import { RateLimit, type Rate } from "./rate-limit.ts";
import { sourceNetwork } from "./source-network.ts";

/** A cookie is good for one to two of these. */
const SECRET_LIFETIME = 60_000;

/** Key exchanges that came to nothing: more of them are no accident. */
const WASTED: Rate = { perSecond: 1, burst: 10 };
/** Milliseconds of cookies for everybody after that. */
const WARY = 10_000;

interface CookieSecret {
  readonly version: number;
  readonly secret: Uint8Array;
}

/** What identifies a first request to a cookie. */
export interface CookieInput {
  readonly nonceI: Uint8Array;
  readonly address: string;
  readonly spiI: IkeSpi;
}

export class HalfOpenGuard {
  readonly #config: EndpointConfig;
  readonly #entropy: Entropy;
  /** By source network: where a cookie came back from, and where none was asked for, which may be forged and must not count against the true one. */
  readonly #proven = new Map<string, number>();
  readonly #unproven = new Map<string, number>();
  readonly #wasted: RateLimit;
  #count = 0;
  #isWaryUntil: number;
  #current: CookieSecret;
  #previous: CookieSecret | undefined;
  #renewAt: number;

  constructor(config: EndpointConfig, entropy: Entropy, now: number) {
    this.#config = config;
    this.#entropy = entropy;
    this.#wasted = new RateLimit(WASTED, now);
    this.#isWaryUntil = now;
    this.#current = { version: 1, secret: entropy.bytes(32) };
    this.#renewAt = now + SECRET_LIFETIME;
  }

  get count(): number {
    return this.#count;
  }

  /** What to do with an IKE_SA_INIT request that would make one more half-open IKE SA. */
  admit(address: string, hasGoodCookie: boolean, now: number): "admit" | "demand cookie" | "halfOpenLimit" | "perSourceLimit" {
    if (this.#count >= this.#config.halfOpenLimit) return "halfOpenLimit";
    const isWary = this.#count >= this.#config.cookieThreshold || now < this.#isWaryUntil;
    if (isWary && !hasGoodCookie) return "demand cookie";
    const count = this.#share(hasGoodCookie).get(sourceNetwork(address)) ?? 0;
    if (count < this.#config.perSourceLimit) return "admit";
    return hasGoodCookie ? "perSourceLimit" : "demand cookie";
  }

  /** A key exchange was computed for a value that is none: it has cost what a good one does, and leaves nothing half-open that is counted. */
  wasted(now: number): void {
    if (!this.#wasted.allows(now)) this.#isWaryUntil = now + WARY;
  }

  /** `isProven`: a good cookie came with it. */
  opened(address: string, isProven: boolean): void {
    this.#count++;
    const [share, network] = [this.#share(isProven), sourceNetwork(address)];
    share.set(network, (share.get(network) ?? 0) + 1);
  }

  /** Authenticated, refused or timed out. */
  closed(address: string, isProven: boolean): void {
    this.#count--;
    const [share, network] = [this.#share(isProven), sourceNetwork(address)];
    const left = (share.get(network) ?? 0) - 1;
    if (left > 0) share.set(network, left);
    else share.delete(network);
  }

  #share(isProven: boolean): Map<string, number> {
    return isProven ? this.#proven : this.#unproven;
  }

  /** One octet of version, then the keyed hash. */
  cookieFor(input: CookieInput, now: number): Uint8Array {
    this.#renew(now);
    return this.#make(this.#current, input);
  }

  isGoodCookie(cookie: Uint8Array, input: CookieInput, now: number): boolean {
    this.#renew(now);
    return [this.#current, this.#previous].some((secret) => secret !== undefined && constantTimeEqual(cookie, this.#make(secret, input)));
  }

  #make({ secret, version }: CookieSecret, { nonceI, address, spiI }: CookieInput): Uint8Array {
    return makeCookie(secret, version, nonceI, addressOctets(parseAddress(address)), ikeSpiOctets(spiI));
  }

  #renew(now: number): void {
    if (now < this.#renewAt) return;
    // After a long silence even the newest secret is too old to be believed.
    const isRecent = now < this.#renewAt + SECRET_LIFETIME;
    this.#previous = isRecent ? this.#current : undefined;
    this.#current = { version: (this.#current.version + 1) & 0xff, secret: this.#entropy.bytes(32) };
    this.#renewAt = now + SECRET_LIFETIME;
  }
}
