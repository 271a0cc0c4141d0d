/** Additional key exchanges (RFC 9242, RFC 9370) in fragments (RFC 7383) between two Hawser daemons, as Wireshark reads them. */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ExchangeType, NotifyType, PayloadType } from "../../src/wire/iana/index.ts";
import { CHILD, CONNECTION, Hawser } from "./support/hawser.ts";
import { makeHosts } from "./support/hosts.ts";
import type { Hosts } from "./support/hosts.ts";
import { missing } from "./support/requirements.ts";
import { assertHas, Capture, Dissection, frame, IKE_FILTER, remarks } from "./support/tshark.ts";
import type { Fields } from "./support/tshark.ts";

const { IKE_SA_INIT, IKE_INTERMEDIATE, IKE_AUTH, CREATE_CHILD_SA, IKE_FOLLOWUP_KE, INFORMATIONAL } = ExchangeType;
const { KE, NONCE, SA, SKF } = PayloadType;

const FIELDS = [
  ...["frame.number", "isakmp.exchangetype", "isakmp.flag_r", "isakmp.typepayload", "isakmp.notify.msgtype"],
  ...["isakmp.frag.number", "isakmp.enc.decrypted", "_ws.expert.message"],
] as const;
type IkeMessage = Fields<(typeof FIELDS)[number]>;

describe("ML-KEM in fragments between two Hawser daemons, read by Wireshark", { skip: missing("tshark", "tcpdump") }, () => {
  let hosts: Hosts;
  let messages: readonly IkeMessage[] = [];

  before(async () => {
    hosts = makeHosts();
    const { path, keyLogs } = await record(hosts);
    const read = (epoch: "first" | "last", filter: string): readonly IkeMessage[] =>
      new Dissection(path, keyLogs, epoch).fields(`${IKE_FILTER} && ${filter}`, FIELDS);
    // IKE_INTERMEDIATE has the keys that IKE_SA_INIT gave, what follows has those that it gives itself (RFC 9370 §2.2.2).
    messages = [
      ...read("first", `isakmp.exchangetype == ${IKE_INTERMEDIATE}`),
      ...read("last", `isakmp.exchangetype != ${IKE_INTERMEDIATE}`),
    ];
  });
  after(() => hosts.remove());

  const ofExchange = (type: number): readonly IkeMessage[] =>
    messages.filter((message) => message["isakmp.exchangetype"].includes(String(type)));

  it("dissects every message without a remark, every ICV is right, and all of them are decrypted", () => {
    for (const message of messages) {
      assert.deepEqual(remarks(message), [], frame(message));
      const isClear = message["isakmp.exchangetype"].includes(String(IKE_SA_INIT));
      assert.equal(message["isakmp.enc.decrypted"].length, isClear ? 0 : 1, frame(message));
    }
  });

  it("sees all exchanges, requests and responses", () => {
    for (const exchange of [IKE_SA_INIT, IKE_INTERMEDIATE, IKE_AUTH, CREATE_CHILD_SA, IKE_FOLLOWUP_KE, INFORMATIONAL]) {
      const responses = ofExchange(exchange).map((message) => message["isakmp.flag_r"].join());
      assert.deepEqual([...new Set(responses)].sort(), ["0", "1"], ExchangeType.nameOf(exchange));
    }
  });

  it("puts the fragments of IKE_INTERMEDIATE and IKE_FOLLOWUP_KE together, with the key exchange in them", () => {
    for (const exchange of [IKE_INTERMEDIATE, IKE_FOLLOWUP_KE]) {
      const fragments = ofExchange(exchange);
      for (const message of fragments) assertHas(message, "isakmp.typepayload", [SKF]);
      // Wireshark shows the whole with the last fragment.
      const wholes = fragments.filter((message) => message["isakmp.frag.number"].includes("2"));
      assert.equal(wholes.length, fragments.length / 2);
      for (const message of wholes) assertHas(message, "isakmp.typepayload", [KE]);
    }
  });

  it("shows that CREATE_CHILD_SA is answered with the link to IKE_FOLLOWUP_KE", () => {
    const responses = ofExchange(CREATE_CHILD_SA).filter((message) => message["isakmp.flag_r"].includes("1"));
    assert.equal(responses.length, 2, "the rekeys of the Child SA and of the IKE SA");
    for (const message of responses) {
      assertHas(message, "isakmp.typepayload", [SA, NONCE, KE]);
      assertHas(message, "isakmp.notify.msgtype", [NotifyType.ADDITIONAL_KEY_EXCHANGE]);
    }
  });
});

/** Brings up a tunnel, rekeys both SAs and takes it down. */
async function record(hosts: Hosts): Promise<{ path: string; keyLogs: readonly string[] }> {
  const settings = {
    connection: { proposals: ["aes256gcm16-prfsha384-x25519-ke1_mlkem768"] },
    child: { esp_proposals: ["aes128gcm16-x25519-ke1_mlkem768"] },
    // Small enough that the answers of ML-KEM-768 (1088 octets) take two as well.
    daemon: { fragment_size: 1000 },
  };
  const path = join(hosts.scratch, "cable.pcap");
  const capture = await Capture.start(hosts, path);
  const [a, b] = await Promise.all([Hawser.start(hosts, hosts.left, settings), Hawser.start(hosts, hosts.right, settings)]);
  await a.initiate();

  const { id: oldChildSa } = await a.childSa();
  await a.ask({ verb: "rekey-child", childSa: oldChildSa });
  await a.until("the Child SA is rekeyed", ({ endpoint: { childSas } }) => childSas.length === 1 && childSas[0]?.id !== oldChildSa);

  // By the same end: Wireshark 4.0 takes fragments of a request for those of an answer by the same end with the same message ID.
  const { id: oldIkeSa } = await a.ikeSa();
  await a.ask({ verb: "rekey-ike", ikeSa: oldIkeSa });
  await a.until("the IKE SA is rekeyed", ({ endpoint: { ikeSas } }) => ikeSas.length === 1 && ikeSas[0]?.id !== oldIkeSa);

  await a.ask({ verb: "terminate", connection: CONNECTION, child: CHILD });
  await b.until("the Child SAs are deleted", ({ endpoint }) => endpoint.childSas.length === 0);
  assert.equal(await a.down(), 0);
  assert.equal(await b.down(), 0);
  await capture.stop();
  return { path, keyLogs: [a.keyLog, b.keyLog] };
}
