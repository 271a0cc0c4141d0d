/** Links, addresses and routes of a network namespace, by iproute2. */
import { existsSync } from "node:fs";
import type { Route, RouteTable } from "../ports.ts";
import { IpCommandError, Iproute } from "./iproute.ts";
import type { IpObject } from "./iproute.ts";

/**
 * The protocol number (rtnetlink(7), rtm_protocol) of routes that Hawser installs, so that those which a killed run has left can be told from
 * everybody else's. Not in /etc/iproute2/rt_protos, where 186 to 192 are routing daemons.
 */
export const ROUTE_PROTOCOL = "195";

export interface InterfaceAddress {
  readonly device: string;
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefixLength: number;
  /** "global", "link" or "host". */
  readonly scope: string;
}

/** The way to an address. */
export interface Path {
  readonly device: string;
  /** Source address that the kernel would choose. */
  readonly source: string;
  /** Next hop; undefined where the address is on the link. */
  readonly via?: string;
}

/** Packets without `mark` look for their routes in `table`. */
export interface MarkRule {
  readonly table: number;
  readonly mark: number;
}

const VERSIONS = ["-4", "-6"] as const;

/** Those that the kernel has: it may have been started without IPv6. */
const versionsHere = (): readonly (typeof VERSIONS)[number][] => (existsSync("/proc/net/if_inet6") ? VERSIONS : ["-4"]);

/** Among the rules, lower goes first: that of local addresses has 0, that of the main table 32766. */
const RULE_PRIORITY = "195";

export class Network implements RouteTable {
  readonly #ip: Iproute;
  readonly #mark: number | undefined;

  /**
   * @param namespace network namespace to work in; undefined = the process' own
   * @param mark of the packets whose way {@link pathTo} finds; undefined = they have none
   */
  constructor(namespace?: string, mark?: number) {
    this.#ip = new Iproute(namespace);
    this.#mark = mark;
  }

  /** Brings a link up, with an MTU in octets where one is given. */
  linkUp(device: string, mtu?: number): void {
    this.#ip.run(`bring ${device} up`, "link", "set", "dev", device, ...(mtu === undefined ? [] : ["mtu", String(mtu)]), "up");
  }

  /** How many packets may wait in the device for its reader. */
  setQueueLength(device: string, packets: number): void {
    this.#ip.run(`set the queue length of ${device}`, "link", "set", "dev", device, "txqueuelen", String(packets));
  }

  /** Keeps the kernel from giving the link an fe80:: address when it comes up, and so from sending router solicitations by it. Before linkUp. */
  withoutLinkLocal(device: string): void {
    this.#ip.run(`keep ${device} without a link-local address`, "link", "set", "dev", device, "addrgenmode", "none");
  }

  setMtu(device: string, mtu: number): void {
    this.#ip.run(`set the MTU of ${device} to ${mtu}`, "link", "set", "dev", device, "mtu", String(mtu));
  }

  mtuOf(device: string): number {
    const [link] = this.#ip.query(`look at ${device}`, "link", "show", "dev", device);
    return numberIn(link, "mtu");
  }

  /** @param prefix e.g. "10.1.0.1/24". It is usable at once: IPv6 duplicate detection has nobody to ask on a TUN device. */
  addAddress(device: string, prefix: string): void {
    const family = prefix.includes(":") ? ["nodad"] : [];
    this.#ip.run(`give ${device} the address ${prefix}`, "address", "replace", prefix, "dev", device, ...family);
  }

  /**
   * With the last IPv4 address of a device Linux takes all of its IPv4 routes, and for a moment packets for them would go elsewhere. So it gets one
   * that stays: IANA's dummy address (RFC 7600), of a scope in which it is no source of anything.
   */
  keepIpv4Routes(device: string): void {
    this.#ip.run(`keep the IPv4 routes of ${device}`, "address", "replace", "192.0.0.8/32", "dev", device, "scope", "host");
  }

  /** One that is not there (any more) is no error. */
  removeAddress(device: string, prefix: string): void {
    try {
      this.#ip.run(`take the address ${prefix} from ${device}`, "address", "delete", prefix, "dev", device);
    } catch (error) {
      if (!(error instanceof IpCommandError) || !/Cannot assign requested address|Address not found|Cannot find device/.test(error.said))
        throw error;
    }
  }

  /** All addresses of this host, those of its loopback device among them. */
  addresses(): InterfaceAddress[] {
    return this.#ip.query("list addresses", "address", "show").flatMap((link) =>
      ((link["addr_info"] as IpObject[] | undefined) ?? []).map((info): InterfaceAddress => ({
        device: textIn(link, "ifname"),
        family: info["family"] === "inet" ? 4 : 6,
        address: textIn(info, "local"),
        prefixLength: numberIn(info, "prefixlen"),
        scope: textIn(info, "scope"),
      })),
    );
  }

  /** @throws IpCommandError where there is no way */
  pathTo(address: string): Path {
    const [route] = this.#ip.query(`find the way to ${address}`, "route", "get", address, ...optional("mark", this.#mark));
    const path = { device: textIn(route, "dev"), source: textIn(route, "prefsrc") };
    const via = route?.["gateway"];
    return typeof via === "string" ? { ...path, via } : path;
  }

  /** @throws IpCommandError where there is no such device */
  indexOf(device: string): number {
    const [link] = this.#ip.query(`look at ${device}`, "link", "show", "dev", device);
    return numberIn(link, "ifindex");
  }

  /** Of all devices. */
  deviceIndexes(): number[] {
    return this.#ip.query("list devices", "link", "show").map((link) => numberIn(link, "ifindex"));
  }

  /**
   * From now on, packets of both families without the mark look for their routes in the rule's table before all others but that of local addresses. A
   * host without IPv6 has no rules for it.
   */
  addRule(rule: MarkRule): void {
    for (const version of versionsHere())
      this.#ip.run(`add the routing rule for table ${rule.table}`, version, "rule", "add", ...ruleText(rule));
  }

  /** One that is not there (any more) is no error. */
  deleteRule(rule: MarkRule): void {
    for (const version of versionsHere()) {
      try {
        this.#ip.run(`delete the routing rule for table ${rule.table}`, version, "rule", "delete", ...ruleText(rule));
      } catch (error) {
        if (!(error instanceof IpCommandError) || !/No such file|No such process|Address family not supported/.test(error.said))
          throw error;
      }
    }
  }

  /** Rules that carry our protocol number, whoever installed them. */
  ownRules(): MarkRule[] {
    const rules = VERSIONS.flatMap((version) => this.#rules(version));
    const own = rules.filter((rule) => rule["protocol"] === ROUTE_PROTOCOL && typeof rule["fwmark"] === "string");
    const found = new Map(own.map((rule) => [textIn(rule, "table"), Number(textIn(rule, "fwmark"))]));
    return [...found].map(([table, mark]) => ({ table: Number(table), mark }));
  }

  /** None for a family that the kernel does not have, or has without rules (CONFIG_IPV6_MULTIPLE_TABLES). */
  #rules(version: (typeof VERSIONS)[number]): readonly IpObject[] {
    try {
      // Told to list those of one protocol, ip lists all of IPv6.
      return this.#ip.query("list routing rules", version, "rule", "show");
    } catch (error) {
      if (!isFamilyMissing(error)) throw error;
      return [];
    }
  }

  replaceRoute(route: Route): void {
    this.#ip.run(
      `add the route ${route.destination} by ${route.device}`,
      ...family(route),
      "route",
      "replace",
      ...identity(route),
      ...properties(route),
    );
  }

  deleteRoute(route: Route): void {
    try {
      this.#ip.run(`delete the route ${route.destination}`, ...family(route), "route", "delete", ...identity(route));
    } catch (error) {
      if (!(error instanceof IpCommandError) || !/No such process|Cannot find device|No such device/.test(error.said)) throw error;
    }
  }

  /** Routes that carry our protocol number, whoever installed them. */
  ownRoutes(): Route[] {
    return VERSIONS.flatMap((version) =>
      this.#ip
        .query("list routes", version, "route", "show", "proto", ROUTE_PROTOCOL)
        .map((route): Route => routeOf(route, version === "-4" ? "0.0.0.0/0" : "::/0")),
    );
  }

  /** Removes what {@link ownRoutes} lists, at start: routes by a TUN device have gone with it, others have not. Returns what it removed. */
  removeOwnRoutes(): Route[] {
    const routes = this.ownRoutes();
    for (const route of routes) this.deleteRoute(route);
    return routes;
  }
}

/** EAFNOSUPPORT, in ip's words. */
function isFamilyMissing(error: unknown): boolean {
  return error instanceof IpCommandError && error.said.includes("Address family not supported");
}

function family({ destination }: Route): string[] {
  return [destination.includes(":") ? "-6" : "-4"];
}

/** What tells a route from others. The kernel would not delete one whose MTU has changed meanwhile if it were told the old one. */
function identity({ destination, device, metric, table }: Route): string[] {
  return [destination, "dev", device, "proto", ROUTE_PROTOCOL, ...optional("metric", metric), ...optional("table", table)];
}

function ruleText({ table, mark }: MarkRule): string[] {
  return ["not", "fwmark", String(mark), "lookup", String(table), "priority", RULE_PRIORITY, "protocol", ROUTE_PROTOCOL];
}

function properties({ via, source, mtu }: Route): string[] {
  return [...optional("via", via), ...optional("src", source), ...optional("mtu", mtu)];
}

function optional(key: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [key, String(value)];
}

/** ip writes the default route as "default", and a host route without its length. */
function routeOf(object: IpObject, everything: string): Route {
  const destination = textIn(object, "dst");
  const [metrics] = (object["metrics"] as IpObject[] | undefined) ?? [];
  return {
    destination: destination === "default" ? everything : destination,
    device: textIn(object, "dev"),
    ...(typeof object["gateway"] === "string" && { via: object["gateway"] }),
    ...(typeof object["prefsrc"] === "string" && { source: object["prefsrc"] }),
    ...(typeof metrics?.["mtu"] === "number" && { mtu: metrics["mtu"] }),
    ...(typeof object["metric"] === "number" && { metric: object["metric"] }),
  };
}

function textIn(object: IpObject | undefined, key: string): string {
  const value = object?.[key];
  if (typeof value !== "string") throw new IpCommandError("read what ip says", `its answer has no ${key}`);
  return value;
}

function numberIn(object: IpObject | undefined, key: string): number {
  const value = object?.[key];
  if (typeof value !== "number") throw new IpCommandError("read what ip says", `its answer has no ${key}`);
  return value;
}
