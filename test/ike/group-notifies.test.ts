/** The notifies of the schemes, between the wire and a Child SA group; and a peer that has no room for more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_ENDPOINT_SETTINGS } from "../../src/ike/config.ts";
import { encodeGroupNotify, groupNotifiesOf } from "../../src/ike/group-notifies.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../../src/wire/iana/index.ts";
import { noAdditionalSas, notify } from "../../src/wire/notify.ts";
import { forgerIn } from "./harness/forger.ts";
import { World } from "./harness/world.ts";

const { draftNotifies } = DEFAULT_ENDPOINT_SETTINGS;
const IDENTIFIER = Uint8Array.of(1, 2, 3);

test("Protocol ID and SPI are zero when sent, and ignored when they are not", () => {
  const sent = encodeGroupNotify({ kind: "SA_RESOURCE_INFO", identifier: IDENTIFIER }, draftNotifies);
  assert.deepEqual([sent.protocolId, sent.spi.length], [ProtocolId.NONE, 0]);
  for (const { kind, received } of [
    { kind: "SA_RESOURCE_INFO", received: notify(NotifyType.SA_RESOURCE_INFO, IDENTIFIER) },
    { kind: "CPU_QUEUE_INFO", received: notify(draftNotifies.cpuQueueInfo, IDENTIFIER) },
  ]) {
    const strange = { ...received, protocolId: ProtocolId.ESP, spi: Uint8Array.of(0xc0, 0xff, 0xee, 1) };
    assert.deepEqual(groupNotifiesOf([strange], draftNotifies), [{ kind, identifier: IDENTIFIER }]);
  }
});

test("NO_ADDITIONAL_SAS: no CPU asks again for a while, all go by the SA that is there, and the log has the reason", () => {
  const perCpu = { child: { perCpuSas: true } };
  const world = new World({ cpus: 3, left: perCpu, right: perCpu });
  const forger = forgerIn(world);
  world.initiate();
  world.settle();
  assert.equal(world.pass(world.left, 1), undefined);
  world.deliver();
  const answer = world.hold();
  const exchangeType = ExchangeType.CREATE_CHILD_SA;
  world.arrive({ ...answer, octets: forger.response({ exchangeType, messageId: 2, payloads: [noAdditionalSas()] }) });
  for (const cpu of [1, 2]) assert.equal(world.send(world.left, cpu).kind, "sealed", `CPU ${cpu}`);
  assert.deepEqual(world.settle(), [], "nobody asks");
  const [group] = world.status(world.left).groups;
  assert.match(group?.cpus[1]?.why ?? "", /NO_ADDITIONAL_SAS/);
  assert.ok((group?.cpus[2]?.asksAgainIn ?? 0) > 0, "also a CPU that was not refused itself");
});
