/** A BPF program whose verification a signal interrupts is loaded again. */
import { strict as assert } from "node:assert";
import { constants } from "node:os";
import { it } from "node:test";
import { untilVerified } from "../../src/host/linux/bpf.ts";
import { SystemCallError } from "../../src/host/linux/system-call-error.ts";

const { EAGAIN, EINVAL } = constants.errno;

/** What comes of a kernel that answers with these errors, then with descriptor 7; and how often it was asked. */
function load(...errors: number[]): { result: unknown; calls: number } {
  let calls = 0;
  const kernel = (): number => {
    const errno = errors[calls++];
    if (errno !== undefined) throw new SystemCallError("bpf", errno, "load a program");
    return 7;
  };
  try {
    return { result: untilVerified(kernel), calls };
  } catch (error) {
    return { result: error instanceof SystemCallError ? error.errno : error, calls };
  }
}

it("is tried up to five times while a signal is in the way", () => {
  assert.deepEqual(load(), { result: 7, calls: 1 });
  assert.deepEqual(load(EAGAIN, EAGAIN, EAGAIN, EAGAIN), { result: 7, calls: 5 });
  assert.deepEqual(load(EAGAIN, EAGAIN, EAGAIN, EAGAIN, EAGAIN), { result: EAGAIN, calls: 5 });
});

it("is not tried again when it is refused", () => {
  assert.deepEqual(load(EINVAL), { result: EINVAL, calls: 1 });
  assert.deepEqual(load(EAGAIN, EINVAL), { result: EINVAL, calls: 2 });
});
