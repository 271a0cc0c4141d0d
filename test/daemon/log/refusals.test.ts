/**
 * The usual ways in which two ends do not get on: what the log of each says in words that its operator can act on, as far as that end can know,
 * and that the wire carries the RFC's notify and not a word more.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeEvent } from "../../../src/daemon/log/describe-event.ts";
import { isErrorNotify } from "../../../src/wire/notify.ts";
import { NotifyType } from "../../../src/wire/iana/index.ts";
import { parsePrefix } from "../../../src/wire/traffic-selector.ts";
import { espProposals, ikeProposals, type Overrides, type Side } from "../../ike/harness/configs.ts";
import { believes, byPsk, hostCertificate, signsAs } from "../../ike/harness/credentials.ts";
import { World, type Host } from "../../ike/harness/world.ts";
import { root, type Issued, type Order } from "../../pki/support/authority.ts";

const authority = root("CN=authority");

/** One end that proves itself by certificate, and asks the same of the other. */
function certified(side: Side, order: Order = {}, issuer: Issued = authority): Overrides {
  const other = side === "left" ? "right" : "left";
  const local = signsAs(`${side}.example`, hostCertificate(issuer, `${side}.example`, order));
  return { connection: { local, remote: believes(`${other}.example`, { anchors: [authority.certificate] }) } };
}

const EXPIRED = { notAfter: "2026-11-01T00:00:00Z" };

interface Quarrel {
  readonly what: string;
  /** left initiates. */
  readonly left?: Overrides;
  readonly right?: Overrides;
  /** What each end says at level warn or info: among others this. */
  readonly leftSays: RegExp;
  readonly rightSays: RegExp;
  /** Who says so on the wire, and all of it that is an error. */
  readonly wire: readonly [from: Side, notify: keyof typeof NotifyType];
}

const REFUSED =
  "authentication with 192\\.0\\.2\\.2:4500 on tunnel failed: The peer refused IKE_AUTH: AUTHENTICATION_FAILED\\. It knows why, and its log may say so: it was shown ";
const refused = (shown: string): RegExp => new RegExp(`^${REFUSED}${shown}\\.$`);
const NOT_BELIEVED =
  /IKE SA tunnel#1 .* is closed by the peer: the peer does not accept our proof of identity, which was right\.example by Ed25519, certificate "O=Hawser, CN=right\.example"$/;

const QUARRELS: readonly Quarrel[] = [
  {
    what: "another pre-shared key",
    left: { secret: "another one than theirs" },
    leftSays: refused("left\\.example by pre-shared key and was asked for as right\\.example"),
    rightSays: /^authentication with 192\.0\.2\.1:4500 failed: The pre-shared key of left\.example is not the same at both ends\.$/,
    wire: ["right", "AUTHENTICATION_FAILED"],
  },
  {
    what: "an initiator by a name that is not expected",
    left: { connection: { local: byPsk("stranger.example") } },
    leftSays: refused("stranger\\.example by pre-shared key and was asked for as right\\.example"),
    rightSays: /failed: No connection admits a peer that calls itself stranger\.example that asks for right\.example\.$/,
    wire: ["right", "AUTHENTICATION_FAILED"],
  },
  {
    what: "an initiator that expects somebody else",
    left: { connection: { remote: byPsk("other.example") } },
    leftSays: refused("left\\.example by pre-shared key and was asked for as other\\.example"),
    rightSays: /failed: No connection admits a peer that calls itself left\.example that asks for other\.example\.$/,
    wire: ["right", "AUTHENTICATION_FAILED"],
  },
  {
    what: "a certificate of the initiator that has expired",
    left: certified("left", EXPIRED),
    right: certified("right"),
    leftSays: refused('left\\.example by Ed25519, certificate "O=Hawser, CN=left\\.example" and was asked for as right\\.example'),
    rightSays:
      /^authentication with 192\.0\.2\.1:4500 failed: The certificate "O=Hawser, CN=left\.example" expired on 2026-11-01 00:00:00 UTC; here it is 2026-11-24/,
    wire: ["right", "AUTHENTICATION_FAILED"],
  },
  {
    what: "a certificate of the responder that has expired",
    left: certified("left"),
    right: certified("right", EXPIRED),
    leftSays:
      /^authentication with 192\.0\.2\.2:4500 on tunnel failed: The certificate "O=Hawser, CN=right\.example" expired on 2026-11-01 00:00:00 UTC/,
    rightSays: NOT_BELIEVED,
    wire: ["left", "AUTHENTICATION_FAILED"],
  },
  {
    what: "a certificate of the initiator from an authority that is not trusted",
    left: certified("left", {}, root("CN=stranger")),
    right: certified("right"),
    leftSays: refused('left\\.example by Ed25519, certificate "O=Hawser, CN=left\\.example" and was asked for as right\\.example'),
    rightSays: /failed: The certificate "O=Hawser, CN=left\.example" was issued by "CN=stranger", which is not trusted here\.$/,
    wire: ["right", "AUTHENTICATION_FAILED"],
  },
  {
    what: "a certificate of the responder from an authority that is not trusted",
    left: certified("left"),
    right: certified("right", {}, root("CN=stranger")),
    leftSays: /failed: The certificate "O=Hawser, CN=right\.example" was issued by "CN=stranger", which is not trusted here\.$/,
    rightSays: NOT_BELIEVED,
    wire: ["left", "AUTHENTICATION_FAILED"],
  },
  {
    what: "no IKE proposal in common",
    left: { connection: { proposals: ikeProposals("aes256gcm16-prfsha384-ecp384") } },
    leftSays:
      /^tunnel could not be brought up: The peer refused IKE_SA_INIT: NO_PROPOSAL_CHOSEN\. Proposed was ENCR_AES_GCM_16-256, PRF_HMAC_SHA2_384, ECP_384\.$/,
    rightSays:
      /^refused 192\.0\.2\.1:500 with NO_PROPOSAL_CHOSEN: none of the peer's proposals is configured: proposed is ENCR_AES_GCM_16-256, PRF_HMAC_SHA2_384, ECP_384; configured is ENCR_AES_GCM_16-128, PRF_HMAC_SHA2_256, CURVE25519$/,
    wire: ["right", "NO_PROPOSAL_CHOSEN"],
  },
  {
    what: "no ESP proposal in common",
    left: { child: { espProposals: espProposals("aes256gcm16-noesn") } },
    leftSays:
      /^the peer of tunnel\/net refused with NO_PROPOSAL_CHOSEN: No Child SA for net: the peer refused it: NO_PROPOSAL_CHOSEN; proposed was ENCR_AES_GCM_16-256, NO_ESN\.$/,
    rightSays:
      /^refused 192\.0\.2\.1:4500 on tunnel with NO_PROPOSAL_CHOSEN: none of the peer's proposals is configured: proposed is ENCR_AES_GCM_16-256, NO_ESN; configured is ENCR_AES_GCM_16-128, NO_ESN$/,
    wire: ["right", "NO_PROPOSAL_CHOSEN"],
  },
  {
    what: "no selectors in common",
    left: { child: { localTs: [parsePrefix("10.9.0.0/16")] } },
    leftSays:
      /^the peer of tunnel\/net refused with TS_UNACCEPTABLE: No Child SA for net: the peer refused it: TS_UNACCEPTABLE; asked for was traffic from 10\.9\.0\.0\/16 to 10\.2\.0\.0\/16\.$/,
    rightSays:
      /^refused 192\.0\.2\.1:4500 on tunnel with TS_UNACCEPTABLE: no child is configured for traffic from 10\.9\.0\.0\/16 to 10\.2\.0\.0\/16; configured is net from 10\.1\.0\.0\/16 to 10\.2\.0\.0\/16$/,
    wire: ["right", "TS_UNACCEPTABLE"],
  },
];

/** What an operator reads who has asked for nothing special. */
const logOf = ({ events }: Host): string[] =>
  events
    .map(describeEvent)
    .filter(({ level }) => level !== "debug")
    .map(({ text }) => text);

describe("both ends say in their logs what is wrong, and no more than the notify on the wire, with", () => {
  for (const { what, left = {}, right = {}, leftSays, rightSays, wire } of QUARRELS) {
    it(what, () => {
      const world = new World({ left, right });
      const errors: unknown[] = [];
      world.initiate();
      for (let datagram = world.wire[0]; datagram !== undefined; datagram = world.wire[0]) {
        const { from, octets } = datagram;
        for (const payload of world.reader.payloads(octets)) {
          if (payload.type === "NOTIFY" && isErrorNotify(payload.notifyType)) errors.push([from, payload.notifyType, payload.data.length]);
        }
        world.deliver();
      }
      // An unproven refusal has to stand for a while before it is believed.
      world.advance(4000);
      const [from, notify] = wire;
      assert.deepEqual(errors, [[from, NotifyType[notify], 0]]);
      for (const [host, says] of [
        [world.left, leftSays],
        [world.right, rightSays],
      ] as const) {
        const log = logOf(host);
        assert.ok(
          log.some((line) => says.test(line)),
          `${host.side} says: ${log.join(" | ")}`,
        );
      }
    });
  }
});
