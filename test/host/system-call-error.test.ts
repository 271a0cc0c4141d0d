import { strict as assert } from "node:assert";
import { constants } from "node:os";
import { describe, it } from "node:test";
import { close, errno, errnoName, SystemCallError } from "../../src/host/linux/libc.ts";

const { EPERM, ENOENT, EADDRINUSE, EADDRNOTAVAIL, EBADF, EBUSY } = constants.errno;

describe("system call errors", () => {
  it("errno is that of the call that failed", () => {
    assert.equal(close(-1), -1);
    assert.equal(errno(), EBADF);
    assert.equal(errnoName(EBADF), "EBADF");
  });

  it("a number without a name keeps its number", () => {
    assert.equal(errnoName(4242), "errno 4242");
  });

  for (const [call, code, what, expected] of [
    ["TUNSETIFF", EPERM, "create the TUN device hawser0", /CAP_NET_ADMIN/],
    ["open", ENOENT, "open /dev/net/tun", /modprobe tun.*--device/],
    ["TUNSETIFF", EBUSY, "create the TUN device hawser0", /another process has a device of that name/],
    ["bind", EADDRINUSE, "bind UDP 192.0.2.1:4500", /another IKE daemon/],
    ["bind", EADDRNOTAVAIL, "bind UDP 192.0.2.1:4500", /no interface of this host/],
    ["bpf", EPERM, "load a program", /CAP_BPF/],
  ] as const) {
    it(`${errnoName(code)} from ${call} says what to do`, () => {
      const error = new SystemCallError(call, code, what);
      assert.match(error.message, expected);
      assert.ok(error.message.startsWith(`cannot ${what}: ${errnoName(code)} from ${call}`));
      assert.deepEqual([error.call, error.errno, error.code], [call, code, errnoName(code)]);
    });
  }

  it("advice for one thing is not given for another", () => {
    assert.doesNotMatch(new SystemCallError("open", ENOENT, "open the control socket").message, /tun/i);
  });
});
