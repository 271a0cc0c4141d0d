/** Every cipher through a worker's SAD, kernels and engine, in both directions, against ESP sealed and opened the plain way. */
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { createEngine, probeEngines } from "../../src/dataplane/engines/engines.ts";
import { DestinationTable } from "../../src/dataplane/worker/destinations.ts";
import { WorkerSad } from "../../src/dataplane/worker/sad.ts";
import { ESP_CIPHERS, keymatLength } from "../../src/ipsec/esp-cipher.ts";
import type { EspCipherProperties } from "../../src/ipsec/esp-cipher.ts";
import { childSaId, cpuIndex, espSpi, policyId } from "../../src/ipsec/names.ts";
import * as D from "../../src/kernels/drop-codes.ts";
import * as L from "../../src/kernels/layout.ts";
import { parsePrefix } from "../../src/wire/traffic-selector.ts";
import { KernelFrame } from "../kernels/bench-frame.ts";
import { buildPacket, seededRandom } from "../support/packets.ts";
import { openPlain, sealPlain } from "../support/plain-esp.ts";
import type { PlainSa } from "../support/plain-esp.ts";

const SPI = espSpi(0x5eed0001);
const LOCAL = { address: "192.0.2.1", port: 4500 };
const REMOTE = { address: "192.0.2.2", port: 4500 };
const EVERYTHING = [parsePrefix("0.0.0.0/0")];
const UNLIMITED = { softPackets: Infinity, hardPackets: Infinity, softBytes: Infinity, hardBytes: Infinity };
/** The upper half of the sequence numbers, with ESN. */
const HIGH = 3;

/** IP packets of which the padding to 4 and to 16 octets has every length. */
const PACKETS = Array.from({ length: 20 }, (_, i) =>
  buildPacket({ family: 4, protocol: "udp", payload: Uint8Array.from({ length: 30 + 13 * i }, (_, at) => at ^ i) }),
);

class CipherBox {
  readonly frame = new KernelFrame();
  readonly keys: PlainSa;
  readonly #engine;
  readonly #outbound;
  readonly #inbound;

  constructor(engine: string, cipher: EspCipherProperties, esn: boolean) {
    const { frame } = this;
    const { map, memory } = frame;
    const keymat = seededRandom(0x3602).octets(keymatLength(cipher));
    this.keys = { cipher: cipher.name, keymat: keymat.slice(), ...(esn && { esnHigh: HIGH }) };
    this.#engine = createEngine(engine, memory, { offset: map.engineArena, size: map.engineArenaSize });
    const destinations = new DestinationTable(memory, map.dests, [{ local: LOCAL, encapsulation: "udp" }]);
    const sad = new WorkerSad(memory, map, frame.kernels, this.#engine, destinations);
    const common = {
      ...{ id: childSaId(1), policyId: policyId(1), cpu: cpuIndex(0), spi: SPI, cipher: cipher.name, esn, limits: UNLIMITED },
      ...({ local: LOCAL, remote: REMOTE, encapsulation: "udp", mode: "tunnel", copyEcn: true } as const),
    };
    sad.addPolicy({ id: policyId(1), name: "all", localTs: EVERYTHING, remoteTs: EVERYTHING, priority: 1, onMissingSa: "hold" });
    this.#outbound = sad.addOutbound({ ...common, keymat: keymat.slice(), shared: false, copyDscp: true }, 0);
    this.#inbound = sad.addInbound({ ...common, keymat, replayWindow: 64, localTs: EVERYTHING, remoteTs: EVERYTHING });
    assert.ok(
      keymat.every((octet) => octet === 0),
      "KEYMAT is wiped",
    );
    if (!esn) return;
    frame.view.setUint32(this.#outbound.address + L.OSA_SEQ + 4, HIGH, true);
    frame.view.setUint32(this.#inbound.address + L.ISA_TOP + 4, HIGH, true);
  }

  /** Frames and seals what is laid out in the first `count` OUT records. */
  seal(count: number): Uint8Array[] {
    const { frame } = this;
    const { map, kernels } = frame;
    kernels.beginOutbound();
    kernels.classify(map.outs, count);
    const sealed: Uint8Array[] = [];
    for (let first = 0; first < count; first += kernels.encapDone.value) {
      const jobs = kernels.encap(map.outs + first * L.OUT_SIZE, count - first, this.#outbound.address);
      assert.ok(jobs > 0 || kernels.sendCount.value > 0, "encap makes progress");
      this.#engine.seal(this.#outbound.keyHandle, map.jobs, jobs);
      kernels.jobsSealed();
      if (jobs > 0) continue;
      sealed.push(...frame.sent());
      kernels.beginOutbound();
    }
    return [...sealed, ...frame.sent()];
  }

  /** As a burst of reads from the TUN device lays packets out: side by side, with the room of an AEAD around them. */
  sealSingles(packets: readonly Uint8Array[]): Uint8Array[] {
    let cursor = this.frame.map.tunArena;
    packets.forEach((packet, i) => {
      const at = cursor + L.ESP_HEADER;
      this.frame.putOut(i, at, packet);
      cursor = at + ((packet.length + 5) & ~3) + L.ESP_ICV;
    });
    return this.seal(packets.length);
  }

  open(packets: readonly Uint8Array[]): Uint8Array[] {
    const { kernels, map } = this.frame;
    kernels.beginInbound();
    this.frame.prepare(packets);
    this.#engine.open(this.#inbound.keyHandle, map.jobs, kernels.preparedCount.value);
    kernels.finish();
    return this.frame.delivered();
  }
}

for (const probe of probeEngines()) {
  describe(probe.name, { skip: probe.available ? false : probe.reason }, () => {
    for (const cipher of ESP_CIPHERS) {
      const iv = (sequence: number): Uint8Array => seededRandom(sequence).octets(cipher.ivLength);
      for (const esn of [false, true]) {
        const name = `${cipher.name}${esn ? ", ESN" : ""}`;
        it(`${name}: what it seals is ESP, packet by packet and segment by segment`, () => {
          const box = new CipherBox(probe.name, cipher, esn);
          const opened = box.sealSingles(PACKETS).map((packet) => openPlain(box.keys, packet));
          assert.deepEqual(
            opened.map(({ inner }) => inner),
            PACKETS,
          );
          for (const [i, { spi, sequence, padding, nextHeader }] of opened.entries()) {
            assert.deepEqual({ spi, sequence, nextHeader }, { spi: SPI, sequence: i + 1, nextHeader: 4 });
            assert.deepEqual(
              padding,
              padding.map((_, at) => at + 1),
            );
            assert.ok(padding.length < cipher.alignment);
          }
          const payload = Uint8Array.from({ length: 5000 }, (_, at) => at);
          const segmentSize = 700;
          box.frame.putOut(0, box.frame.map.tunArena + 64, buildPacket({ family: 4, protocol: "tcp", payload, partialChecksum: true }), {
            ...{ flags: 1, gso: 1, size: segmentSize, start: 20, offset: 16 },
          });
          const segments = box.seal(1).map((packet) => openPlain(box.keys, packet).inner);
          assert.deepEqual(Buffer.concat(segments.map((segment) => segment.subarray(40))), Buffer.from(payload));
        });

        it(`${name}: what the plain way has sealed it opens, and nothing that was touched`, () => {
          const box = new CipherBox(probe.name, cipher, esn);
          const sealed = PACKETS.map((packet, i) => sealPlain(box.keys, SPI, i + 1, packet, iv(i)));
          assert.deepEqual(box.open(sealed), PACKETS);
          const random = seededRandom(0x4303);
          const good = sealPlain(box.keys, SPI, 40, PACKETS[3] ?? assert.fail(), iv(40));
          for (let round = 0; round < 60; round++) {
            const bad = good.slice();
            // Not in the SPI, which would name no SA, nor in the sequence number, whose window is another test's.
            const bit = 64 + random.below((bad.length - 8) * 8);
            bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
            assert.deepEqual(box.open([bad]), []);
          }
          assert.equal(box.frame.drops(D.DROP_IN_STATE_PROTO_ERROR), 60);
          assert.deepEqual(box.open([good]), [PACKETS[3]]);
        });
      }

      it(`${cipher.name}: a ciphertext that is missing or not aligned is malformed`, () => {
        const box = new CipherBox(probe.name, cipher, false);
        const whole = sealPlain(box.keys, SPI, 1, PACKETS[0] ?? assert.fail(), iv(1));
        const least = 8 + cipher.ivLength + cipher.icvLength;
        const lengths = [least, least + cipher.alignment - 1, whole.length - 1, whole.length - 2];
        assert.deepEqual(box.open(lengths.map((length) => whole.slice(0, length))), []);
        assert.equal(box.frame.drops(D.DROP_IN_HDR_ERROR), lengths.length);
      });
    }
  });
}

describe("the IVs of AES-CBC", () => {
  const ivs = (): string[] => {
    const box = new CipherBox("node", ESP_CIPHERS.find(({ name }) => name === "aes128-sha256") ?? assert.fail(), false);
    return box.sealSingles(PACKETS).map((packet) => Buffer.from(openPlain(box.keys, packet).iv).toString("hex"));
  };

  it("never repeat", () => {
    const seen = ivs();
    assert.equal(new Set(seen).size, seen.length);
  });

  it("cannot be foretold from the sequence numbers, not even by who has seen another SA with the same key (RFC 3602 §3)", () => {
    const before = new Set(ivs());
    assert.ok(ivs().every((iv) => !before.has(iv)));
  });
});
