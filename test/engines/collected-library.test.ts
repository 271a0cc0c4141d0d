/** The manager's functions are plain addresses in the library: it must stay where it is when nothing in JavaScript refers to it any more. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { probeEngines } from "../../src/dataplane/engines/engines.ts";

const engine = probeEngines().find(({ name }) => name === "ipsec-mb");
const skip = engine?.available === false ? engine.reason : false;

test("libipsec-mb is still there after a garbage collection", { skip }, () => {
  const engines = new URL("../../src/dataplane/engines/engines.js", import.meta.url).href;
  const script = `
    const { createEngine } = await import(${JSON.stringify(engines)});
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
    const engine = createEngine("ipsec-mb", memory, { offset: 0, size: 512 * 1024 });
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      gc();
    }
    const slot = 640 * 1024;
    engine.seal(engine.expandKey("aes128gcm16", new Uint8Array(16), slot), 768 * 1024, 0);
    console.log("sealed");`;
  const { stdout, signal } = spawnSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.equal(signal, null);
  assert.equal(stdout.trim(), "sealed");
});
