/**
 * Two hosts with a gateway before each: left – gateway – gateway – right. A gateway routes, or masquerades the host behind it as home routers do
 * (nftables), with ports of its own choosing or with ESP's and IKE's ports forwarded to the host.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearAway, demoHosts, type DemoHost } from "../../../src/demo/topology.ts";
import { Iproute } from "../../../src/host/linux/iproute.ts";
import { createNamespace, inNamespace, layCable } from "../../../src/host/linux/namespaces.ts";
import type { Hosts } from "../../interop/support/hosts.ts";
import { removeOrphans } from "../../support/orphans.ts";

/** Namespaces carry the process' id, so that two runs on one machine do not meet. */
const PREFIX = "hwna-";
const MTU = 1500;

export type Position = "nobody" | "initiator" | "responder" | "both";

/** Source ports that a masquerading gateway chooses from: none is a port of IKE. */
export const OUTSIDE_PORTS = { first: 20_000, last: 29_999 } as const;

/** Left initiates. */
export interface NattedHosts extends Hosts {
  readonly leftGateway: Gateway;
  readonly rightGateway: Gateway;
  /** Where left has to send to reach right: its own address, or that of the gateway that forwards to it. */
  readonly rightFromOutside: string;
  /** Where right sees left's packets come from. */
  readonly leftFromOutside: string;
}

/** @throws Error with the words of the program that refused */
export function makeNattedHosts(position: Position): NattedHosts {
  removeOrphans("hwna");
  const [left, right] = demoHosts(4, 4).map((host, index) => ({
    ...host,
    namespace: `${PREFIX}${process.pid}-${host.end}`,
    outerAddress: `172.16.${index + 1}.2`,
  })) as [DemoHost, DemoHost];
  const [leftGateway, rightGateway] = [new Gateway(left, "192.0.2.1"), new Gateway(right, "192.0.2.2")];
  const scratch = mkdtempSync(join(tmpdir(), PREFIX));
  const remove = (): void => {
    clearAway([left, right, leftGateway, rightGateway]);
    rmSync(scratch, { recursive: true, force: true });
  };
  const [isLeftHidden, isRightHidden] = [position === "initiator" || position === "both", position === "responder" || position === "both"];
  try {
    for (const { namespace } of [left, right, leftGateway, rightGateway]) createNamespace(namespace);
    layCable(leftGateway.outside, rightGateway.outside, MTU);
    for (const [gateway, opposite, isOppositeHidden] of [
      [leftGateway, rightGateway, isRightHidden],
      [rightGateway, leftGateway, isLeftHidden],
    ] as const) {
      gateway.layIn();
      if (!isOppositeHidden) gateway.routeTo(opposite);
    }
    if (isLeftHidden) leftGateway.masquerade(OUTSIDE_PORTS);
    if (isRightHidden) rightGateway.forwardPorts();
  } catch (error) {
    remove();
    throw error;
  }
  return {
    left,
    right,
    leftGateway,
    rightGateway,
    scratch,
    remove,
    rightFromOutside: isRightHidden ? rightGateway.address : right.outerAddress,
    leftFromOutside: isLeftHidden ? leftGateway.address : left.outerAddress,
  };
}

/** The router before one host. */
export class Gateway {
  readonly namespace: string;
  readonly #host: DemoHost;
  #address: string;

  constructor(host: DemoHost, address: string) {
    this.namespace = `${host.namespace}-gw`;
    this.#host = host;
    this.#address = address;
  }

  /** Towards the other gateway, now. */
  get address(): string {
    return this.#address;
  }

  get outside(): { readonly namespace: string; readonly device: string; readonly addresses: readonly string[] } {
    return { namespace: this.namespace, device: "outside", addresses: [`${this.#address}/24`] };
  }

  /** The cable to the host, and the host's way out. */
  layIn(): void {
    const { namespace, device, outerAddress } = this.#host;
    const inside = outerAddress.replace(/\.2$/, ".1");
    layCable(
      { namespace: this.namespace, device: "inside", addresses: [`${inside}/24`] },
      { namespace, device, addresses: [`${outerAddress}/24`] },
      MTU,
    );
    new Iproute(namespace).run("add the default route", "route", "add", "default", "via", inside);
    this.setControl("net.ipv4.ip_forward", 1);
  }

  /** To the host behind `other`, by its own address. */
  routeTo(other: Gateway): void {
    const network = other.#host.outerAddress.replace(/\.2$/, ".0/24");
    new Iproute(this.namespace).run("add a route", "route", "add", network, "via", other.address, "dev", "outside");
  }

  /** Everything from the host leaves with this gateway's address and a port of its choosing; nothing comes in that was not asked for. */
  masquerade({ first, last }: { readonly first: number; readonly last: number }): void {
    this.#nft(`
      table ip hawser {
        chain out {
          type nat hook postrouting priority srcnat;
          oifname "outside" ip protocol udp masquerade to :${first}-${last} fully-random
        }
        ${ONLY_ANSWERS}
      }`);
  }

  /** The host's IKE ports are this gateway's. */
  forwardPorts(): void {
    this.#nft(`
      table ip hawser {
        chain in {
          type nat hook prerouting priority dstnat;
          iifname "outside" udp dport { 500, 4500 } dnat to ${this.#host.outerAddress}
        }
        chain out {
          type nat hook postrouting priority srcnat;
          oifname "outside" ip protocol udp masquerade
        }
        ${ONLY_ANSWERS}
      }`);
  }

  /** How long the gateway remembers a flow that carries nothing, in seconds. */
  forgetAfter(seconds: number): void {
    for (const name of ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"]) this.setControl(`net.netfilter.${name}`, seconds);
  }

  /** Another outside address: the kernel forgets every flow that was masqueraded with the old one. */
  changeAddress(address: string): void {
    this.setControl("net.ipv4.conf.outside.promote_secondaries", 1);
    const ip = new Iproute(this.namespace);
    ip.run("add an address", "address", "add", `${address}/24`, "dev", "outside");
    ip.run("remove an address", "address", "delete", `${this.#address}/24`, "dev", "outside");
    this.#address = address;
  }

  setControl(name: string, value: number): void {
    run(inNamespace(this.namespace, "sysctl", "--quiet", "--write", `${name}=${value}`));
  }

  #nft(rules: string): void {
    run(inNamespace(this.namespace, "nft", "--file", "-"), rules);
  }
}

/** What a home router lets through to the inside: answers, and what it forwards itself. */
const ONLY_ANSWERS = `
        chain through {
          type filter hook forward priority filter;
          iifname "outside" ct state established,related accept
          iifname "outside" ct status dnat accept
          iifname "outside" drop
        }`;

function run([command = "", ...parameters]: readonly string[], input = ""): void {
  const { error, status, stderr } = spawnSync(command, parameters, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${[command, ...parameters].join(" ")}: ${stderr.trim()}`);
}
