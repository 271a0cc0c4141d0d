import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { createEngine, ENGINE_ARENA_SIZE, probeEngines } from "../../src/dataplane/engines/engines.ts";
import { EngineUnavailable } from "../../src/dataplane/engines/engine.ts";
import type { CipherEngine } from "../../src/dataplane/engines/engine.ts";
import { formatVersion, ipsecMbLayout } from "../../src/dataplane/engines/ipsec-mb-layout.ts";
import { KNOWN_ICVS, selfTest } from "../../src/dataplane/engines/self-test.ts";
import { Bench, CIPHERS, hasSeparateMac, keyLength, needs, referenceSeal } from "./harness.ts";

const memory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
const ARENA = { offset: 0, size: ENGINE_ARENA_SIZE };
const KNOWN_SIZE = 200744;

describe("choosing an engine", () => {
  it("lists all of them, best first, each with a version or a reason", () => {
    const probes = probeEngines();
    assert.deepEqual(
      probes.map(({ name }) => name),
      ["ipsec-mb", "openssl", "node"],
    );
    for (const probe of probes) assert.match(probe.available ? probe.version : probe.reason, /\S/);
    assert.equal(probes.at(-1)!.available, true, "node is always there");
  });

  it("auto takes the best one that works", () => {
    const best = probeEngines().find(({ available }) => available);
    assert.equal(createEngine("auto", memory(), ARENA).name, best?.name);
  });

  it("a name that does not exist is refused with those that do", () => {
    assert.throws(() => createEngine("quantum", memory(), ARENA), /no engine "quantum": choose auto, ipsec-mb, openssl, node/);
  });

  it("an arena that is too small is refused", () => {
    assert.throws(() => createEngine("node", memory(), { offset: 0, size: 4096 }), RangeError);
  });

  it("an arena at any offset will do", () => {
    const engine = createEngine("auto", memory(), { offset: 65536 + 8, size: ENGINE_ARENA_SIZE });
    assert.ok(engine.version.length > 0);
  });

  it("two engines in one memory do not disturb each other", needs("ipsec-mb"), () => {
    const shared = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
    const first = new Bench("ipsec-mb", shared);
    const second = new Bench("ipsec-mb", shared, 2 * 1024 * 1024);
    const packet = { nonce: new Uint8Array(12), aad: new Uint8Array(8), payload: new Uint8Array(50) };
    const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const [ha, hb] = [first.key("aes128gcm16", a), second.key("aes128gcm16", b)];
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(first.seal(ha, [packet]), [referenceSeal("aes128gcm16", a, packet)]);
      assert.deepEqual(second.seal(hb, [packet]), [referenceSeal("aes128gcm16", b, packet)]);
    }
  });
});

describe("self-test", () => {
  it("has the answers that node:crypto gives", () => {
    const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
    for (const cipher of CIPHERS) {
      const { icv } = referenceSeal(cipher, counting(keyLength(cipher)), {
        nonce: counting(hasSeparateMac(cipher) ? 16 : 12),
        aad: counting(hasSeparateMac(cipher) ? 24 : 12),
        payload: counting(144),
      });
      assert.equal(Buffer.from(icv).toString("hex"), KNOWN_ICVS[cipher]);
    }
  });

  it("refuses an engine that encrypts nothing, and one that accepts everything", () => {
    const packetMemory = memory();
    const good = createEngine("node", packetMemory, ARENA);
    const broken = (change: Partial<CipherEngine>): CipherEngine => ({
      name: "node",
      version: "0",
      keySlotSize: (cipher) => good.keySlotSize(cipher),
      expandKey: (cipher, key, slot) => good.expandKey(cipher, key, slot),
      forgetKey: (handle) => good.forgetKey(handle),
      seal: (handle, batch, n) => good.seal(handle, batch, n),
      open: (handle, batch, n) => good.open(handle, batch, n),
      ...change,
    });
    selfTest(broken({}), packetMemory, ARENA);
    const nothing = (): void => undefined;
    assert.throws(() => selfTest(broken({ seal: nothing }), packetMemory, ARENA), EngineUnavailable);
    assert.throws(() => selfTest(broken({ open: nothing }), packetMemory, ARENA), EngineUnavailable);
  });
});

describe("versions of libipsec-mb", () => {
  it("knows 1.3, in any patch release", () => {
    assert.equal(ipsecMbLayout(0x010300, KNOWN_SIZE), ipsecMbLayout(0x010302, KNOWN_SIZE));
  });

  for (const version of [0x005500, 0x010000, 0x010200, 0x010400, 0x010500, 0x020000, 0x020300]) {
    it(`refuses ${formatVersion(version)} with a sentence that names it and what is known`, () => {
      assert.throws(() => ipsecMbLayout(version, KNOWN_SIZE), {
        name: "EngineUnavailable",
        engine: "ipsec-mb",
        message: `libipsec-mb ${formatVersion(version)} is installed, but only 1.3 is known: install that one`,
      });
    });
  }

  it("refuses a 1.3 that was built with other structures", () => {
    assert.throws(() => ipsecMbLayout(0x010300, KNOWN_SIZE + 64), /built differently/);
  });
});
