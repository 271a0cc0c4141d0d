import { errnoName } from "./errno.ts";

/** What an operator can do, by error name and, where it matters, by what was tried. The first entry that fits is used. */
const ADVICE: readonly { readonly code: string; readonly what?: RegExp; readonly advice: string }[] = [
  { code: "EPERM", what: /bpf/, advice: "bpf() needs CAP_BPF (root, and not in an unprivileged user namespace)" },
  { code: "EPERM", what: /TUN|route|address|link/i, advice: "run as root, or give the process CAP_NET_ADMIN" },
  { code: "EACCES", what: /net\/tun/, advice: "run as root, or give the process CAP_NET_ADMIN and access to /dev/net/tun" },
  {
    code: "ENOENT",
    what: /net\/tun/,
    advice: "load the module (modprobe tun), and in a container pass the device in (--device /dev/net/tun)",
  },
  { code: "ENODEV", what: /net\/tun/, advice: "this kernel has no TUN driver: load the module (modprobe tun)" },
  { code: "EBUSY", what: /TUN/, advice: "another process has a device of that name: stop it, or choose another name" },
  {
    code: "EINVAL",
    what: /TUN/,
    advice: "a device of that name exists with another mode (ip link show): remove it, or choose another name",
  },
  { code: "EADDRINUSE", advice: "another IKE daemon seems to run here: stop it (ss -lunp shows which), or choose another address or port" },
  { code: "EADDRNOTAVAIL", advice: "no interface of this host has the address (ip address shows those it has)" },
  { code: "EACCES", what: /bind/, advice: "ports below 1024 need root or CAP_NET_BIND_SERVICE" },
  { code: "EMFILE", advice: "the process has too many files open: raise its limit (ulimit -n)" },
  { code: "ENETUNREACH", advice: "there is no route to that address" },
];

/** A system call that failed, as a sentence that also says what to do where that is known. */
export class SystemCallError extends Error {
  /** The call, e.g. "bind". */
  readonly call: string;
  readonly errno: number;
  /** Name of `errno`, e.g. "EADDRINUSE": the property that Node's own system errors have. */
  readonly code: string;

  /** @param what what was tried, for a person, e.g. "bind UDP 192.0.2.1:4500" */
  constructor(call: string, errno: number, what: string) {
    const code = errnoName(errno);
    const advice = ADVICE.find((entry) => entry.code === code && (entry.what?.test(`${call} ${what}`) ?? true))?.advice;
    super(`cannot ${what}: ${code} from ${call}${advice === undefined ? "" : ` – ${advice}`}`);
    this.name = "SystemCallError";
    this.call = call;
    this.errno = errno;
    this.code = code;
  }
}
