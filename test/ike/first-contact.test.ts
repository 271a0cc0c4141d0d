/** IKE_SA_INIT and IKE_AUTH (RFC 7296 §1.2), from the first packet to the first Child SA, and each of the ways in which it goes otherwise. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ExchangeType, KeyExchangeMethod, NotifyType } from "../../src/wire/iana/index.ts";
import { invalidKeMethodOf } from "../../src/wire/notify.ts";
import type { NotifyPayload, Payload } from "../../src/wire/payload.ts";
import { parseIdentity } from "../../src/ike/identity.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { assertAgreement, childStates, eventsOf, ikeStates } from "./harness/assertions.ts";
import { espProposals, ikeProposals } from "./harness/configs.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

const INIT = "SA, KE, NONCE, N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(IKEV2_FRAGMENTATION_SUPPORTED)";
const AUTH_REQUEST = "IDi, N(INITIAL_CONTACT), IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr";
/** Milliseconds after which a refusal of IKE_SA_INIT that nothing better has followed is believed. */
const REFUSAL_PATIENCE = 4000;
const AUTH_RESPONSE = "IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr";

describe("first contact", () => {
  test("four messages, one IKE SA, one Child SA", () => {
    const world = new World();
    world.initiate();
    assert.deepEqual(ikeStates(world), { left: ["INITIATING"], right: [] });

    // IKE_SA_INIT { SAi1, KEi, Ni, N(NATD_S_IP), N(NATD_D_IP) } -->
    assert.equal(world.deliver(), `IKE_SA_INIT 0 { ${INIT} } -->`);
    assert.deepEqual(ikeStates(world), { left: ["INITIATING"], right: ["HALF_OPEN"] });

    // <-- IKE_SA_INIT { SAr1, KEr, Nr, N(NATD_S_IP), N(NATD_D_IP) }
    assert.equal(world.deliver(), `<-- IKE_SA_INIT 0 R { ${INIT}, N(CHILDLESS_IKEV2_SUPPORTED) }`);
    assert.deepEqual(ikeStates(world), { left: ["AUTHENTICATING"], right: ["HALF_OPEN"] });
    assert.deepEqual(
      world.wire.map(({ local, remote, marker }) => [local.port, remote.port, marker]),
      [[4500, 4500, true]],
      "IKE_AUTH has floated to the port of NAT traversal",
    );

    // IKE_AUTH { IDi, N(INIT_CONTACT), IDr, AUTH, N(SET_WINDOW_SIZE), SAi2, TSi, TSr } -->
    assert.equal(world.deliver(), `IKE_AUTH 1 { ${AUTH_REQUEST} } -->`);
    assert.deepEqual(ikeStates(world), { left: ["AUTHENTICATING"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(world), { left: [], right: ["INSTALLED"] });

    // <-- IKE_AUTH { IDr, AUTH, N(SET_WINDOW_SIZE), SAr2, TSi, TSr }
    assert.equal(world.deliver(), `<-- IKE_AUTH 1 R { ${AUTH_RESPONSE} }`);
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(world), { left: ["INSTALLED"], right: ["INSTALLED"] });
    assert.equal(world.wire.length, 0);
    assertAgreement(world);
    for (const host of world.hosts) assert.equal(world.pass(host, 0), undefined, `a packet from the ${host.side}`);
  });

  test("the operator is told who, where and with what", () => {
    const world = new World();
    world.initiate();
    world.settle();
    const [up] = eventsOf(world.left, "ikeUp");
    assert.equal(up?.localId, "left.example");
    assert.equal(up.remoteId, "right.example");
    assert.match(up.algorithms, /ENCR_AES_GCM_16-128, PRF_HMAC_SHA2_256, CURVE25519/);
    const [child] = eventsOf(world.right, "childUp");
    assert.deepEqual(
      [child?.cipher, child?.esn, child?.localTs, child?.remoteTs],
      ["aes128gcm16", false, ["10.2.0.0/16"], ["10.1.0.0/16"]],
    );
    assert.equal(world.status(world.left).connections[0]?.state, "up");
  });

  for (const ke of ["x25519", "ecp256", "ecp384", "modp2048"]) {
    for (const esp of ["aes128gcm16-esn", "aes256gcm16-noesn", "chacha20poly1305-esn"]) {
      test(`with ${ke} and ${esp}`, () => {
        const overrides = {
          connection: { proposals: ikeProposals(`aes256gcm16-prfsha384-${ke}`) },
          child: { espProposals: espProposals(esp) },
        };
        const world = new World({ left: overrides, right: overrides });
        world.initiate();
        world.settle();
        assertAgreement(world);
        assert.equal(world.pass(world.left, 0), undefined);
        assert.equal(world.pass(world.right, 0), undefined);
      });
    }
  }

  test("old peers: AES-CBC with HMAC-SHA2 for IKE", () => {
    const overrides = { connection: { proposals: ikeProposals("aes256-sha256-modp2048") } };
    const world = new World({ left: overrides, right: overrides });
    world.initiate();
    world.settle();
    assertAgreement(world);
  });
});

describe("selectors", () => {
  test("the responder narrows, and both have what it chose", () => {
    const world = new World({ left: { child: { remoteTs: [parsePrefix("10.0.0.0/8")] } } });
    world.initiate();
    world.settle();
    assertAgreement(world);
    assert.deepEqual(world.status(world.left).childSas[0]?.remoteTs, ["10.2.0.0/16"]);
  });

  test("nothing in common: TS_UNACCEPTABLE, and the IKE SA stays", () => {
    const world = new World({ left: { child: { remoteTs: [parsePrefix("172.16.0.0/12")] } } });
    world.initiate();
    assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { IDr, AUTH, N(SET_WINDOW_SIZE), N(TS_UNACCEPTABLE) }");
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(world), { left: [], right: [] });
    assert.equal(eventsOf(world.left, "peerRefused")[0]?.notify, "TS_UNACCEPTABLE");
    assert.match(eventsOf(world.right, "refusedPeer")[0]?.text ?? "", /10\.1\.0\.0\/16 to 172\.16\.0\.0\/12/);
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /TS_UNACCEPTABLE/);
    assert.equal(world.left.dataPlane.policies.size, 0);
  });

  test("no ESP proposal in common: NO_PROPOSAL_CHOSEN, and the IKE SA stays", () => {
    const world = new World({ right: { child: { espProposals: espProposals("chacha20poly1305-noesn") } } });
    world.initiate();
    assert.match(world.settle().at(-1) ?? "", /N\(NO_PROPOSAL_CHOSEN\)/);
    assert.deepEqual(ikeStates(world), { left: ["ESTABLISHED"], right: ["ESTABLISHED"] });
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });
});

describe("key exchange", () => {
  const right = { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-ecp256") } };
  const left = { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ecp256") } };

  test("the initiator guesses wrong: INVALID_KE_PAYLOAD names the right one, and nothing is kept", () => {
    const world = new World({ left, right });
    world.initiate();
    world.deliver();
    assert.deepEqual(ikeStates(world).right, []);
    const [answer] = world.wire;
    const [notify] = world.reader.payloads(answer?.octets ?? new Uint8Array(0));
    assert.equal(invalidKeMethodOf(notify as NotifyPayload), KeyExchangeMethod.ECP_256);
    assert.equal(world.deliver(), "<-- IKE_SA_INIT 0 R { N(INVALID_KE_PAYLOAD) }");
    world.settle();
    assertAgreement(world);
  });

  test("a responder that asks for what was not offered is not followed", () => {
    const world = new World({ left: { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519") } } });
    world.initiate();
    const [request] = world.wire;
    assert.ok(request !== undefined);
    world.deliver();
    world.wire.length = 0;
    const refusal = refusalOf(request.octets, NotifyType.INVALID_KE_PAYLOAD, Uint8Array.of(0, 14));
    world.arrive({ from: "right", local: request.remote, remote: request.local, octets: refusal, marker: false });
    world.advance(REFUSAL_PATIENCE);
    assert.deepEqual(ikeStates(world).left, []);
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /key exchange method 14/);
  });

  test("no IKE proposal in common: NO_PROPOSAL_CHOSEN, and no state at either end", () => {
    const world = new World({ right: { connection: { proposals: ikeProposals("aes256gcm16-prfsha512-x25519") } } });
    world.initiate();
    assert.equal(world.settle().at(-1), "<-- IKE_SA_INIT 0 R { N(NO_PROPOSAL_CHOSEN) }");
    world.advance(REFUSAL_PATIENCE);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.equal(eventsOf(world.left, "connectionFailed").length, 1);
    assert.match(eventsOf(world.right, "refusedPeer")[0]?.text ?? "", /ENCR_AES_GCM_16-128/);
    assert.equal(world.status(world.left).connections[0]?.state, "down");
  });
});

describe("authentication", () => {
  test("with a window size that is none: the attempt fails, and another one can be made", () => {
    const world = new World();
    const forger = forgerIn(world);
    world.initiate();
    for (let step = 0; step < 3; step++) world.deliver();
    const answer = world.hold("right");
    const payloads = world.reader
      .payloads(answer.octets)
      .map((payload) => (isNotify(payload, NotifyType.SET_WINDOW_SIZE) ? { ...payload, data: Uint8Array.of(1) } : payload));
    world.arrive({ ...answer, octets: forger.response({ exchangeType: ExchangeType.IKE_AUTH, messageId: 1, payloads }) });
    world.settle();
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.equal(eventsOf(world.left, "connectionFailed").length, 1);
    world.initiate();
    world.settle();
    assertAgreement(world);
  });

  test("another secret: AUTHENTICATION_FAILED, the operator of each end is told, and nothing is left", () => {
    const world = new World({ right: { secret: "another secret" } });
    world.initiate();
    assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /pre-shared key of left\.example is not the same/);
    assert.match(eventsOf(world.left, "authFailed")[0]?.text ?? "", /refused IKE_AUTH: AUTHENTICATION_FAILED/);
    assert.equal(world.status(world.right).counters.halfOpen, 0);
    assert.deepEqual(world.left.dataPlane.log, []);
    assert.deepEqual(world.right.dataPlane.log, []);
  });

  test("an identity that no connection admits gets the same answer as a wrong secret", () => {
    const world = new World({ left: { connection: { local: { auth: "psk", id: parseIdentity("stranger.example") } } } });
    world.initiate();
    assert.equal(world.settle().at(-1), "<-- IKE_AUTH 1 R { N(AUTHENTICATION_FAILED) }");
    assert.match(eventsOf(world.right, "authFailed")[0]?.text ?? "", /stranger\.example/);
  });

  test("a responder that fails its proof is told by INFORMATIONAL, and the IKE SA ends at both ends", () => {
    // The left end has its own secret to begin with, and another one for whom the right end then claims to be.
    const secrets = [
      { name: "own", ids: [parseIdentity("left.example")], secret: Uint8Array.of(1) },
      { name: "of another", ids: [parseIdentity("right.example")], secret: Uint8Array.of(2) },
    ];
    const world = new World({
      left: { connection: { remote: { auth: "psk", id: "%any" } }, endpoint: { secrets } },
      right: { endpoint: { secrets: [{ name: "all", ids: [], secret: Uint8Array.of(1) }] } },
    });
    world.initiate();
    const ladder = world.settle();
    assert.deepEqual(ladder.slice(-2), ["INFORMATIONAL 2 { N(AUTHENTICATION_FAILED) } -->", "<-- INFORMATIONAL 2 R { }"]);
    assert.deepEqual(ikeStates(world), { left: [], right: [] });
    assert.deepEqual(childStates(world), { left: [], right: [] });
  });

  test("without a secret nothing is sent after IKE_SA_INIT", () => {
    const world = new World({ left: { endpoint: { secrets: [] } } });
    world.initiate();
    world.settle();
    assert.deepEqual(ikeStates(world).left, []);
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /no secret for left\.example with right\.example/);
  });
});

describe("cookies", () => {
  test("under load a COOKIE is demanded first, and returned", () => {
    const world = new World({ right: { endpoint: { cookieThreshold: 0 } } });
    world.initiate();
    assert.equal(world.deliver(), `IKE_SA_INIT 0 { ${INIT} } -->`);
    assert.deepEqual(ikeStates(world).right, [], "nothing is kept for an address that has proved nothing");
    assert.equal(world.deliver(), "<-- IKE_SA_INIT 0 R { N(COOKIE) }");
    assert.equal(world.deliver(), `IKE_SA_INIT 0 { N(COOKIE), ${INIT} } -->`);
    world.settle();
    assertAgreement(world);
    assert.equal(world.status(world.right).counters.cookiesSent, 1);
  });

  test("with a cookie and a wrong guess about the key exchange", () => {
    const world = new World({
      left: { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-x25519-ecp256") } },
      right: { connection: { proposals: ikeProposals("aes128gcm16-prfsha256-ecp256") }, endpoint: { cookieThreshold: 0 } },
    });
    world.initiate();
    assert.deepEqual(
      world.settle().map((line) => /N\((COOKIE|INVALID_KE_PAYLOAD)\)/.exec(line)?.[1]),
      [undefined, "COOKIE", "COOKIE", "INVALID_KE_PAYLOAD", "COOKIE", undefined, undefined, undefined],
    );
    assertAgreement(world);
  });

  test("a peer that demands cookies for ever is given up", () => {
    const world = new World({ right: { endpoint: { cookieThreshold: 0 } } });
    world.initiate();
    for (let round = 0; round < 20 && world.wire.length > 0; round++) {
      const request = world.wire.shift();
      assert.ok(request !== undefined);
      const refusal = refusalOf(request.octets, NotifyType.COOKIE, Uint8Array.of(round));
      world.arrive({ from: "right", local: request.remote, remote: request.local, octets: refusal, marker: false });
    }
    world.advance(REFUSAL_PATIENCE);
    assert.deepEqual(ikeStates(world).left, []);
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /again and again/);
  });
});

describe("loss and repetition", () => {
  for (const lost of [0, 1, 2, 3]) {
    test(`message ${lost} is lost once`, () => {
      const world = new World();
      world.initiate();
      for (let index = 0; index < lost; index++) world.deliver();
      world.lose();
      world.run(10_000);
      assertAgreement(world);
      const repeated = world.hosts.flatMap((host) => eventsOf(host, "retransmit"));
      assert.equal(repeated.length, 1);
    });

    test(`message ${lost} comes twice`, () => {
      const world = new World();
      world.initiate();
      for (let index = 0; index < lost; index++) world.deliver();
      const [twice] = world.wire;
      assert.ok(twice !== undefined);
      world.deliver();
      world.arrive(twice);
      world.settle();
      assertAgreement(world);
      world.arrive(twice);
      world.settle();
      world.run(60_000);
      assertAgreement(world);
    });
  }

  test("a repeated request gets the very same octets, to where it came from", () => {
    const world = new World();
    world.initiate();
    const [request] = world.wire;
    assert.ok(request !== undefined);
    world.arrive(request);
    world.arrive(request);
    const [first, second] = world.wire.slice(1);
    assert.deepEqual(first, second);
    assert.equal(world.status(world.right).ikeSas.length, 1);
  });

  test("a peer that is not there: retransmissions, then the connection is down, as often as keying_tries says", () => {
    const world = new World({
      left: { connection: { keyingTries: 2 }, endpoint: { retransmit: { timeout: 100, base: 2, tries: 3, jitter: 0 } } },
    });
    world.initiate();
    world.advance(100_000);
    assert.equal(world.wire.length, 2 * 4);
    assert.equal(eventsOf(world.left, "connectionFailed").length, 1);
    assert.deepEqual(ikeStates(world).left, []);
    const { state, lastError } = world.status(world.left).connections[0] ?? {};
    assert.deepEqual([state, lastError], ["down", "The peer does not answer."]);
  });

  test("a half-open IKE SA without IKE_AUTH goes after its time", () => {
    const world = new World();
    world.initiate();
    world.deliver();
    world.wire.length = 0;
    world.advance(29_000);
    assert.equal(world.status(world.right).counters.halfOpen, 1);
    world.wire.length = 0;
    world.advance(2000);
    assert.equal(world.status(world.right).counters.halfOpen, 0);
    assert.deepEqual(ikeStates(world).right, []);
  });
});

describe("addresses", () => {
  test("forced encapsulation looks like a NAT to the peer, not to us", () => {
    const world = new World();
    world.initiate();
    world.settle();
    for (const host of world.hosts) {
      const [ikeSa] = world.status(host).ikeSas;
      assert.deepEqual([ikeSa?.natHere, ikeSa?.natThere], [false, true]);
    }
  });

  test("honest detection when nobody pretends", () => {
    const connection = { encap: false };
    const world = new World({ left: { connection }, right: { connection } });
    world.initiate();
    world.settle();
    const [ikeSa] = world.status(world.right).ikeSas;
    assert.deepEqual([ikeSa?.natHere, ikeSa?.natThere], [false, false]);
  });

  test("IPv6 outside and inside", () => {
    const [leftAddress, rightAddress] = ["2001:db8::1", "2001:db8::2"];
    const [leftTs, rightTs] = [[parsePrefix("fd00:1::/64")], [parsePrefix("fd00:2::/64")]];
    const world = new World({
      left: { connection: { localAddrs: [leftAddress], remoteAddrs: [rightAddress] }, child: { localTs: leftTs, remoteTs: rightTs } },
      right: { connection: { localAddrs: [rightAddress], remoteAddrs: [leftAddress] }, child: { localTs: rightTs, remoteTs: leftTs } },
    });
    world.act(world.left, (endpoint) => endpoint.addLocalAddress(leftAddress));
    world.initiate();
    world.settle();
    assertAgreement(world);
    assert.deepEqual(world.status(world.right).ikeSas[0]?.remote, { address: leftAddress, port: 4500 });
    const flow = { protocol: 58, sourceAddress: "fd00:1::9", destinationAddress: "fd00:2::9", sourcePort: 0, destinationPort: 0 };
    const sent = world.send(world.left, 0, flow);
    assert.ok(sent.kind === "sealed");
    assert.equal(world.receive(world.right, sent.packet), undefined);
  });

  test("an address that no connection is for gets no answer", () => {
    const world = new World({ right: { connection: { remoteAddrs: ["198.51.100.0/24"] } } });
    world.initiate();
    world.deliver();
    assert.equal(world.wire.length, 0);
    assert.deepEqual(world.status(world.right).counters.drops, { noConnection: 1 });
  });

  test("a host without a fitting address says so", () => {
    const world = new World({ left: { connection: { localAddrs: ["198.51.100.7"] } } });
    world.initiate();
    assert.match(world.status(world.left).connections[0]?.lastError ?? "", /no address of local_addrs to reach 192\.0\.2\.2/);
    world.act(world.left, (endpoint) => endpoint.handleLocalAddresses([], world.now));
  });
});

/** A response of IKE_SA_INIT with nothing but one notify, as a stateless responder (or a forger) makes it. */
const isNotify = ({ type, ...rest }: Payload, notifyType: number): boolean =>
  type === "NOTIFY" && "notifyType" in rest && rest.notifyType === notifyType;

function refusalOf(request: Uint8Array, notifyType: number, data: Uint8Array): Uint8Array {
  const octets = new Uint8Array(28 + 8 + data.length);
  octets.set(request.subarray(0, 16));
  octets.set([41, 0x20, 34, 0x20], 16);
  octets.set([0, 0, 0, 0, 0, 0, 0, octets.length], 20);
  octets.set([0, 0, 0, 8 + data.length, 0, 0, notifyType >> 8, notifyType & 0xff], 28);
  octets.set(data, 36);
  return octets;
}
