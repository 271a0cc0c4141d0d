/** Every kind of IKE message and the ESP between two Hawser daemons, as Wireshark reads them. */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ExchangeType, NotifyType, PayloadType, ProtocolId } from "../../src/wire/iana/index.ts";
import { CHILD, CONNECTION, Hawser } from "./support/hawser.ts";
import { makeHosts } from "./support/hosts.ts";
import type { Hosts } from "./support/hosts.ts";
import { missing } from "./support/requirements.ts";
import { Echo } from "./support/traffic.ts";
import { assertHas, Capture, Dissection, frame, IKE_FILTER, remarks } from "./support/tshark.ts";
import type { Fields } from "./support/tshark.ts";

const { IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL } = ExchangeType;

const PING_PORT = "7007";
/** What the recording pings at least, in one direction. */
const PINGS = 50;

/** Dissectors leave expert messages on malformed packets, on values that must not be, and on checks that failed. */
const IKE_FIELDS = [
  ...["frame.number", "frame.protocols", "isakmp.exchangetype", "isakmp.flag_r", "isakmp.typepayload", "isakmp.notify.msgtype"],
  ...["isakmp.delete.protoid", "isakmp.enc.decrypted", "_ws.expert.message"],
] as const;
const ESP_FIELDS = ["frame.number", "ip.src", "udp.dstport", "esp.icv_good", "_ws.expert.message"] as const;

type IkeMessage = Fields<(typeof IKE_FIELDS)[number]>;
type EspPacket = Fields<(typeof ESP_FIELDS)[number]>;

describe("two Hawser daemons, read by Wireshark", { skip: missing("tshark", "tcpdump") }, () => {
  let hosts: Hosts;
  const withoutKeys: { ike: readonly IkeMessage[]; esp: readonly EspPacket[] } = { ike: [], esp: [] };
  const withKeys: typeof withoutKeys = { ike: [], esp: [] };

  before(async () => {
    hosts = makeHosts();
    const { path, keyLogs } = await record(hosts);
    for (const [view, keys] of [
      [withoutKeys, []],
      [withKeys, keyLogs],
    ] as const) {
      const dissection = new Dissection(path, keys);
      view.ike = dissection.fields(IKE_FILTER, IKE_FIELDS);
      view.esp = dissection.fields("esp", ESP_FIELDS);
    }
  });
  after(() => hosts.remove());

  const ofExchange = (type: number, response: boolean): readonly IkeMessage[] =>
    withKeys.ike.filter((message) => {
      return message["isakmp.exchangetype"].includes(String(type)) && message["isakmp.flag_r"].includes(response ? "1" : "0");
    });

  it("dissects every IKE message without a remark", () => {
    for (const message of [...withoutKeys.ike, ...withKeys.ike]) {
      assert.match(message["frame.protocols"].join(), /:isakmp/, frame(message));
      assert.deepEqual(remarks(message), [], frame(message));
    }
  });

  it("sees requests and responses of all four exchanges", () => {
    for (const exchange of [IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL]) {
      for (const response of [false, true]) {
        assert.ok(ofExchange(exchange, response).length > 0, `${ExchangeType.nameOf(exchange)}, response: ${response}`);
      }
    }
  });

  it("reads nothing but the SK payload without the keys", () => {
    const inTheClear = withoutKeys.ike.filter((message) => message["isakmp.exchangetype"].includes(String(IKE_SA_INIT)));
    assert.equal(inTheClear.length, 2);
    for (const message of withoutKeys.ike) {
      if (!inTheClear.includes(message)) assert.deepEqual(message["isakmp.typepayload"], [String(PayloadType.SK)], frame(message));
    }
    for (const packet of withoutKeys.esp) assert.deepEqual(packet["udp.dstport"], ["4500"], frame(packet));
  });

  it("decrypts every IKE message with daemon.key_log", () => {
    for (const message of withKeys.ike) {
      const isClear = message["isakmp.exchangetype"].includes(String(IKE_SA_INIT));
      assert.equal(message["isakmp.enc.decrypted"].length, isClear ? 0 : 1, frame(message));
    }
  });

  it("shows identities, AUTH, SA and selectors in IKE_AUTH, and SA_RESOURCE_INFO in both directions", () => {
    const { IDi, IDr, AUTH, SA, TSi, TSr } = PayloadType;
    const [request] = ofExchange(IKE_AUTH, false);
    const [response] = ofExchange(IKE_AUTH, true);
    assertHas(request, "isakmp.typepayload", [IDi, IDr, AUTH, SA, TSi, TSr]);
    assertHas(response, "isakmp.typepayload", [IDr, AUTH, SA, TSi, TSr]);
    for (const message of [request, response]) assertHas(message, "isakmp.notify.msgtype", [NotifyType.SA_RESOURCE_INFO]);
  });

  it("shows the additional Child SA, the rekey of a Child SA, and that of the IKE SA", () => {
    const { SA, KE, NONCE, TSi, TSr } = PayloadType;
    const requests = ofExchange(CREATE_CHILD_SA, false);
    const hasSelectors = (message: IkeMessage): boolean => message["isakmp.typepayload"].includes(String(TSi));
    const namesRekeyed = (message: IkeMessage): boolean => message["isakmp.notify.msgtype"].includes(String(NotifyType.REKEY_SA));
    const additional = requests.find((message) => hasSelectors(message) && !namesRekeyed(message));
    assertHas(additional, "isakmp.typepayload", [SA, NONCE, KE, TSi, TSr]);
    assertHas(additional, "isakmp.notify.msgtype", [NotifyType.SA_RESOURCE_INFO]);
    assertHas(requests.find(namesRekeyed), "isakmp.typepayload", [SA, NONCE, KE, TSi, TSr]);
    const ofIkeSa = requests.find((message) => !hasSelectors(message));
    assertHas(ofIkeSa, "isakmp.typepayload", [SA, NONCE, KE]);
  });

  it("shows Deletes of Child SAs and of IKE SAs", () => {
    const protocols = ofExchange(INFORMATIONAL, false).flatMap((message) => message["isakmp.delete.protoid"]);
    for (const protocol of [ProtocolId.ESP, ProtocolId.IKE]) assert.ok(protocols.includes(String(protocol)), ProtocolId.nameOf(protocol));
  });

  it("decrypts ESP, finds every ICV right and the pings inside", () => {
    for (const packet of withKeys.esp) {
      assert.deepEqual(packet["esp.icv_good"], ["1"], frame(packet));
      assert.deepEqual(remarks(packet), [], frame(packet));
      assert.equal(packet["ip.src"].length, 2, `${frame(packet)} has an outer and an inner header`);
    }
    const pings = withKeys.esp.filter((packet) => packet["udp.dstport"].includes(PING_PORT));
    assert.ok(pings.length >= PINGS, `${pings.length} pings`);
  });
});

/** Lets two daemons live through everything that IKE has for them, and returns what was on the cable. */
async function record(hosts: Hosts): Promise<{ path: string; keyLogs: readonly string[] }> {
  const { left, right, scratch } = hosts;
  // Without ESN: Wireshark 4.0 does not know the upper half of the sequence number, which the ICV covers.
  const child = { per_cpu_sas: true, esp_proposals: ["aes128gcm16-x25519"] };
  const path = join(scratch, "cable.pcap");
  const capture = await Capture.start(hosts, path);
  const [a, b] = await Promise.all([
    Hawser.start(hosts, left, { connection: { dpd_delay: "1s" }, child, daemon: { cpus: 2 } }),
    Hawser.start(hosts, right, { child, daemon: { cpus: 2 } }),
  ]);
  const echo = await Echo.start(left, right);
  await a.initiate();
  // Both ends may ask at the same moment, each for a CPU of its own, before either has heard of the other's request: then there are more than two.
  const groupIsFull = ({ endpoint }: Awaited<ReturnType<Hawser["status"]>>): boolean => endpoint.childSas.length >= 2;
  // Two flows for each of two workers of one CPU, or one flow from each CPU: in any case both workers have something to send.
  await Promise.all([0, 1].map((cpu) => echo.ping(left, right, { cpu, flows: 4 })));
  await a.until("a Child SA for each worker", groupIsFull);

  const { id: oldChildSa } = (await a.childSas())[0] ?? assert.fail("no Child SA");
  await a.ask({ verb: "rekey-child", childSa: oldChildSa });
  await a.until(
    "the Child SA is rekeyed",
    (status) => groupIsFull(status) && status.endpoint.childSas.every(({ id }) => id !== oldChildSa),
  );

  const { id: oldIkeSa } = await b.ikeSa();
  await b.ask({ verb: "rekey-ike", ikeSa: oldIkeSa });
  await b.until("the IKE SA is rekeyed", ({ endpoint: { ikeSas } }) => ikeSas.length === 1 && ikeSas[0]?.id !== oldIkeSa);

  await echo.ping(left, right);
  await a.ask({ verb: "terminate", connection: CONNECTION, child: CHILD });
  await b.until("the Child SAs are deleted", ({ endpoint }) => endpoint.childSas.length === 0);
  assert.equal(await a.down(), 0);
  assert.equal(await b.down(), 0);
  echo.stop();
  await capture.stop();
  return { path, keyLogs: [a.keyLog, b.keyLog] };
}
