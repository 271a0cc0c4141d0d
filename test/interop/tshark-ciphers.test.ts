/** Ciphers with a separate MAC, and short ICVs, between two Hawser daemons, as Wireshark reads them with daemon.key_log. */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ExchangeType } from "../../src/wire/iana/index.ts";
import { Hawser } from "./support/hawser.ts";
import { makeHosts } from "./support/hosts.ts";
import { missing } from "./support/requirements.ts";
import { Echo } from "./support/traffic.ts";
import { Capture, Dissection, remarks } from "./support/tshark.ts";

const IKE_FIELDS = ["frame.number", "isakmp.exchangetype", "isakmp.enc.decrypted", "_ws.expert.message"] as const;
const ESP_FIELDS = ["frame.number", "ip.src", "udp.dstport", "esp.icv_good", "_ws.expert.message"] as const;
const PING_PORT = "7007";

describe("ciphers for old peers, read by Wireshark", { skip: missing("tshark", "tcpdump") }, () => {
  for (const [ike, esp] of [
    ["aes128-sha256-x25519", "aes256-sha256"],
    ["aes256ctr-sha512-x25519", "aes128ctr-sha384"],
    ["aes192gcm8-prfsha256-x25519", "aes256gcm12"],
  ] as const) {
    it(`decrypts IKE under ${ike} and ESP under ${esp}, and finds every ICV right`, async (t) => {
      const hosts = makeHosts();
      t.after(() => hosts.remove());
      const { left, right, scratch } = hosts;
      const settings = { connection: { proposals: [ike] }, child: { esp_proposals: [esp] } };
      const capture = await Capture.start(hosts, join(scratch, "cable.pcap"));
      const [a, b] = await Promise.all([Hawser.start(hosts, left, settings), Hawser.start(hosts, right, settings)]);
      const echo = await Echo.start(left, right);
      await a.initiate();
      await echo.ping(left, right);
      assert.equal(await a.down(), 0);
      assert.equal(await b.down(), 0);
      echo.stop();
      await capture.stop();

      const dissection = new Dissection(capture.path, [a.keyLog, b.keyLog]);
      const messages = dissection.fields("isakmp", IKE_FIELDS);
      const sealed = messages.filter((message) => !message["isakmp.exchangetype"].includes(String(ExchangeType.IKE_SA_INIT)));
      assert.ok(sealed.length >= 2, "IKE_AUTH at the least");
      for (const message of sealed) assert.equal(message["isakmp.enc.decrypted"].length, 1, `frame ${message["frame.number"].join()}`);
      const packets = dissection.fields("esp", ESP_FIELDS);
      for (const packet of packets) {
        assert.deepEqual(packet["esp.icv_good"], ["1"], `frame ${packet["frame.number"].join()}`);
        assert.deepEqual(remarks(packet), [], `frame ${packet["frame.number"].join()}`);
        assert.equal(packet["ip.src"].length, 2, "an outer and an inner header");
      }
      assert.ok(packets.some((packet) => packet["udp.dstport"].includes(PING_PORT)));
    });
  }
});
