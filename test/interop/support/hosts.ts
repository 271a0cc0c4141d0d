/** Two hosts joined by a cable, and a scratch folder: what every test against another implementation stands on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearAway, demoHosts, layOut } from "../../../src/demo/topology.ts";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { removeOrphans } from "../../support/orphans.ts";

/** Namespaces of these tests carry the process' id, so that two runs on one machine do not meet. */
const PREFIX = "hwip-";

export interface Hosts {
  readonly left: DemoHost;
  readonly right: DemoHost;
  /** Removed with the hosts. */
  readonly scratch: string;
  /** Ends whatever runs on the hosts, removes them and the scratch folder. */
  remove(): void;
}

/** Hosts whose traffic is between the addresses that the ends of the tunnel themselves have: for transport mode. @throws IpCommandError */
export function makeHostsWithoutNetworks(family: 4 | 6 = 4): Hosts {
  const hosts = makeHosts(family, family);
  const plain = (host: DemoHost): DemoHost => ({ ...host, innerAddress: host.outerAddress });
  return { ...hosts, left: plain(hosts.left), right: plain(hosts.right) };
}

/** @throws IpCommandError */
export function makeHosts(outer: 4 | 6 = 4, inner: 4 | 6 = 4): Hosts {
  removeOrphans("hwip");
  const [left, right] = demoHosts(outer, inner).map((host) => ({ ...host, namespace: `${PREFIX}${process.pid}-${host.end}` })) as [
    DemoHost,
    DemoHost,
  ];
  const scratch = mkdtempSync(join(tmpdir(), "hwip-"));
  const remove = (): void => {
    clearAway([left, right]);
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    layOut([left, right]);
  } catch (error) {
    remove();
    throw error;
  }
  return { left, right, scratch, remove };
}
