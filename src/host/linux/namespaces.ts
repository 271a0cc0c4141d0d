/** Network namespaces and the cables between them: hosts for the demonstration and for tests. */
import { Iproute } from "./iproute.ts";
import { close, errno, open, setns, SystemCallError, unshare } from "./libc.ts";

const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;

export function createNamespace(name: string): void {
  const ip = new Iproute();
  ip.run(`create the network namespace ${name}`, "netns", "add", name);
  new Iproute(name).run(`bring up the loopback device of ${name}`, "link", "set", "dev", "lo", "up");
}

/** Removes the namespace, and with it every device in it. One that is not there is no error: this also cleans up after a killed run. */
export function deleteNamespace(name: string): void {
  if (namespaces().includes(name)) new Iproute().run(`delete the network namespace ${name}`, "netns", "delete", name);
}

export function namespaces(): string[] {
  return new Iproute().query("list network namespaces", "netns", "list").map((object) => String(object["name"]));
}

/** A command line that runs `command` inside the namespace. */
export function inNamespace(name: string, ...command: readonly string[]): string[] {
  return ["ip", "netns", "exec", name, ...command];
}

export interface CableEnd {
  readonly namespace: string;
  readonly device: string;
  /** Addresses with prefix length. */
  readonly addresses: readonly string[];
}

/** Joins two namespaces by a veth pair, both ends up. */
export function layCable(a: CableEnd, b: CableEnd, mtu: number): void {
  new Iproute().run(
    `join ${a.namespace} and ${b.namespace}`,
    ...["link", "add", "name", a.device, "netns", a.namespace, "type", "veth"],
    ...["peer", "name", b.device, "netns", b.namespace],
  );
  for (const { namespace, device, addresses } of [a, b]) {
    const ip = new Iproute(namespace);
    for (const address of addresses) {
      // nodad: usable at once, without a second of duplicate address detection.
      const flags = address.includes(":") ? ["nodad"] : [];
      ip.run(`give ${device} the address ${address}`, "address", "add", address, "dev", device, ...flags);
    }
    ip.run(`bring ${device} up`, "link", "set", "dev", device, "mtu", String(mtu), "up");
  }
}

/**
 * Moves the calling thread into the namespace: what it opens and starts from now on is there, what it has open stays where it was.
 * @throws SystemCallError
 */
export function enterNamespace(name: string): void {
  const fd = open(`/run/netns/${name}`, O_RDONLY_CLOEXEC);
  if (fd < 0) throw new SystemCallError("open", errno(), `find the network namespace ${name}`);
  const entered = setns(fd, CLONE_NEWNET);
  const code = errno();
  close(fd);
  if (entered < 0) throw new SystemCallError("setns", code, `enter the network namespace ${name}`);
}

/** Moves the calling thread into a new namespace without a name, which goes when nothing uses it any more. @throws SystemCallError */
export function enterFreshNamespace(): void {
  if (unshare(CLONE_NEWNET) < 0) throw new SystemCallError("unshare", errno(), "create a network namespace");
  new Iproute().run("bring up the loopback device", "link", "set", "dev", "lo", "up");
}
