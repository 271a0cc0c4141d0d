/** The composition root: opens what the host has to give, joins the IKE endpoint and the data plane, and takes all of it down again. */
import { DataPlane } from "../dataplane/data-plane.ts";
import type { DataPlaneEvent } from "../dataplane/messages.ts";
import { systemEntropy } from "../crypto/entropy.ts";
import { Network } from "../host/linux/network.ts";
import { monotonicClock } from "../host/ports.ts";
import { IkeEndpoint } from "../ike/endpoint.ts";
import type { KeyMaterial } from "../ike/events.ts";
import { cpuIndex } from "../ipsec/names.ts";
import { newSpiSteering } from "../ipsec/spi-steering.ts";
import type { SpiSteering } from "../ipsec/spi-steering.ts";
import { InvalidText } from "../wire/errors.ts";
import { AddressWatch } from "./address-watch.ts";
import { attempt } from "./attempt.ts";
import type { HawserConfig } from "./config/config.ts";
import { dataPlaneStatus } from "./data-plane-status.ts";
import { EndpointDriver } from "./endpoint-driver.ts";
import { IkeTransport } from "./ike-transport.ts";
import { KeyLog } from "./key-log.ts";
import { localAddresses } from "./local-addresses.ts";
import { at, describeEvent } from "./log/describe-event.ts";
import type { Logger } from "./log/logger.ts";
import { qcdSecret } from "./qcd-secret.ts";
import { writeResolvConf } from "./resolv-conf.ts";
import { markFor, openOwnTable, removeLeftTables, warnOfStrictDevices, type OwnTable } from "./own-table.ts";
import { Routing } from "./routing.ts";
import type { DaemonStatus } from "./status.ts";
import { mtuFromOuterDevices, TunnelDevice } from "./tunnel-device.ts";
import { VERSION } from "./version.ts";
import { VirtualAddresses } from "./virtual-addresses.ts";

/** Milliseconds. */
const USAGE_INTERVAL = 1000;
/** The kernel forgets a path's MTU after 10 minutes (net.ipv4.route.mtu_expires). */
const PATH_MTU_INTERVAL = 60_000;
/** How long peers get to answer our Deletes. */
const SHUTDOWN_PATIENCE = 3000;

export interface DaemonOptions {
  readonly config: HawserConfig;
  /** The CPU that each worker is pinned to. */
  readonly cpus: readonly number[];
  readonly log: Logger;
  /** A worker died: nothing is carried any more. */
  readonly onFatal: (error: Error) => void;
}

export class Daemon {
  readonly driver: EndpointDriver;
  readonly #config: HawserConfig;
  readonly #cpus: readonly number[];
  readonly #log: Logger;
  readonly #addresses: AddressWatch;
  readonly #transport: IkeTransport;
  readonly #device: TunnelDevice;
  readonly #dataPlane: DataPlane;
  readonly #routing: Routing;
  readonly #virtualAddresses: VirtualAddresses;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #startedAt = monotonicClock.now();
  #stopping: Promise<void> | undefined;

  /** @throws Failure, SystemCallError, IpCommandError or EngineUnavailable, each a sentence; nothing is left open then */
  static async start({ config, cpus, log, onFatal }: DaemonOptions): Promise<Daemon> {
    const { connections, ikePort, natPort } = config.endpoint;
    const keyLog = openKeyLog(config.daemon.keyLog, log);
    const mark = markFor(connections);
    const network = new Network(undefined, mark);
    for (const { table } of removeLeftTables(network)) log.info(`removed the routing rule for table ${table} that an earlier run had left`);
    for (const { destination } of network.removeOwnRoutes()) log.info(`removed the route to ${destination} that an earlier run had left`);
    const addresses = localAddresses(connections, network.addresses());
    const steering = newSpiSteering((octets) => systemEntropy().bytes(octets), cpus.length);
    // What arrives before all stands is dropped: peers retransmit.
    let daemon: Daemon | undefined;
    const transport = await IkeTransport.open({
      addresses,
      ikePort,
      natPort,
      steering,
      mark,
      onDatagram: (datagram) => daemon?.driver.datagram(datagram),
      onError: (error, local) => log.debug(`UDP from ${at(local)}: ${error.message}`),
    });
    const undo: (() => void | Promise<void>)[] = [() => transport.close()];
    try {
      const mtu = config.daemon.tun.mtu ?? mtuFromOuterDevices(network, connections, addresses);
      const device = TunnelDevice.open(config.daemon.tun, mtu, cpus, network);
      undo.push(() => device.close());
      const own = mark === undefined ? undefined : openOwnTable(network, device.name);
      if (own !== undefined) {
        undo.push(() => network.deleteRule(own));
        for (const warning of warnOfStrictDevices(network, addresses)) log.warn(warning);
      }
      const dataPlane = await DataPlane.start({
        workers: cpus,
        tunFds: device.fds,
        udpOffload: device.offloads.uso,
        sockets: transport.workerSockets,
        engine: config.daemon.engine,
        steering,
        maxSasPerWorker: config.daemon.maxSasPerCpu,
        onEvent: (event) => {
          if (daemon !== undefined) daemon.#onDataPlaneEvent(event);
        },
        onFatal,
      });
      undo.push(() => dataPlane.stop());
      const watch = new AddressWatch(
        {
          connections,
          hostAddresses: () => network.addresses().filter((address) => address.device !== device.name),
          openSockets: (address) => transport.add(address),
          addSockets: (sockets) => dataPlane.addSockets(sockets),
          onChange: (present) => daemon?.driver.localAddresses(present),
          log,
        },
        addresses,
      );
      undo.push(() => watch.close());
      daemon = new Daemon({ config, cpus, log, onFatal }, { network, watch, steering, transport, device, own, dataPlane, keyLog });
      return daemon;
    } catch (error) {
      // The workers first: they use the descriptors of the others, and keep the process alive.
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  private constructor({ config, cpus, log }: DaemonOptions, parts: DaemonParts) {
    const { network, watch, steering, transport, device, own, dataPlane, keyLog } = parts;
    this.#config = config;
    this.#cpus = cpus;
    this.#log = log;
    this.#addresses = watch;
    this.#transport = transport;
    this.#device = device;
    this.#dataPlane = dataPlane;
    this.#routing = new Routing(network, device, own, log);
    this.#virtualAddresses = this.#followVirtualAddresses(network);
    // A killed run has left the DNS servers of its peers.
    this.#virtualAddresses.clear();
    let hasNewInbound = false;
    this.driver = new EndpointDriver(this.#createEndpoint(steering, network, keyLog), {
      clock: monotonicClock,
      transmit: (output) => {
        // The peer may send ESP as soon as it has this message: the inbound SA has to be there first.
        if (hasNewInbound) dataPlane.settle();
        hasNewInbound = false;
        if (output.kind === "keepalive") transport.sendKeepalive(output.local, output.remote);
        else transport.send(output.local, output.remote, output.octets, output.marker);
      },
      applySadb: (message) => {
        dataPlane.apply(message);
        hasNewInbound ||= message.verb === "addInbound";
        this.#routing.followPolicy(message);
      },
      onEvent: (event) => {
        const { level, text } = describeEvent(event);
        log[level](text);
        this.#virtualAddresses.follow(event);
        this.#routing.followPeer(event);
      },
    });
    this.#routing.addConfigured(config.endpoint.connections);
    this.driver.start();
    // Last: an interval that is left behind keeps the process alive.
    this.#timers = [
      setInterval(() => this.driver.usage(dataPlane.usage()), USAGE_INTERVAL),
      setInterval(() => this.#routing.checkPaths(), PATH_MTU_INTERVAL),
    ];
    log.info(
      `up on ${watch.addresses.join(" ")}, ${cpus.length} workers with engine ${dataPlane.engine.name} ${dataPlane.engine.version}, device ${device.name} with MTU ${device.mtu}`,
    );
    if (device.dispatch.reason !== undefined) {
      log.warn(`packets are dispatched by flow, not by ${config.daemon.tun.dispatch}: ${device.dispatch.reason}`);
    }
  }

  status(): DaemonStatus {
    return {
      version: VERSION,
      pid: process.pid,
      uptime: monotonicClock.now() - this.#startedAt,
      tun: {
        name: this.#device.name,
        mtu: this.#device.mtu,
        dispatch: { mode: this.#device.dispatch.dispatch, reason: this.#device.dispatch.reason },
      },
      cpus: this.#cpus,
      localAddresses: this.#addresses.addresses,
      dataPlane: this.dataPlaneStatus(),
      endpoint: this.#freshEndpointStatus(),
    };
  }

  dataPlaneStatus(): DaemonStatus["dataPlane"] {
    return dataPlaneStatus(this.#dataPlane.counters(), this.#dataPlane.engine);
  }

  /** Tells the peers, then takes everything down. Called again, it returns the same promise. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#closeSas();
    for (const timer of this.#timers) clearInterval(timer);
    this.#addresses.close();
    this.driver.close();
    // Peers that did not answer have not taken their DNS servers back.
    this.#virtualAddresses.clear();
    await this.#dataPlane.stop();
    this.#routing.clear();
    this.#transport.close();
    this.#device.close();
  }

  #closeSas(): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        stopListening();
        resolve();
      };
      const timer = setTimeout(() => {
        this.#log.info(`some peers did not answer our Delete within ${SHUTDOWN_PATIENCE / 1000} s`);
        finish();
      }, SHUTDOWN_PATIENCE);
      const stopListening = this.driver.listen((event) => {
        if (event.kind === "done") finish();
      });
      this.driver.command({ verb: "shutdown" });
    });
  }

  #createEndpoint(steering: SpiSteering, network: Network, keyLog: KeyLog | undefined): IkeEndpoint {
    const endpoint = new IkeEndpoint(this.#config.endpoint, {
      entropy: systemEntropy(),
      steering,
      cpus: this.#cpus.map((_, index) => cpuIndex(index)),
      now: monotonicClock.now(),
      date: () => Date.now(),
      qcdSecret: this.#qcdSecret(),
      sourceFor: (remote) => sourceTowards(network, remote, this.#addresses.addresses),
      ...(keyLog !== undefined && { onKeys: (material: KeyMaterial) => keyLog.note(material) }),
    });
    for (const address of this.#addresses.addresses) endpoint.addLocalAddress(address);
    return endpoint;
  }

  /** Peers find out later that we have crashed if there is none; nothing else depends on it. */
  #qcdSecret(): Uint8Array | undefined {
    const { qcdSecret: path } = this.#config.daemon;
    if (path === undefined) return undefined;
    try {
      return qcdSecret(path, systemEntropy());
    } catch (error) {
      if (!(error instanceof InvalidText)) throw error;
      this.#log.warn(`without quick crash detection: ${error.message}`);
      return undefined;
    }
  }

  /** What the host refuses is told, and everything else goes on. */
  #followVirtualAddresses(network: Network): VirtualAddresses {
    const { tun, resolvConf } = this.#config.daemon;
    const log = this.#log;
    const { name } = this.#device;
    const getsAny = this.#config.endpoint.connections.some(({ vips }) => vips.length > 0);
    if (getsAny && tun.addresses.every(({ address }) => address.includes(":"))) attempt(log, () => network.keepIpv4Routes(name));
    const ports = {
      addAddress: (prefix: string) => attempt(log, () => network.addAddress(name, prefix)),
      removeAddress: (prefix: string) => attempt(log, () => network.removeAddress(name, prefix)),
      onChange: (addresses: readonly string[]) => this.#routing.useVirtualAddresses(addresses),
      onDnsServers: (servers: readonly string[]) => {
        if (resolvConf !== undefined) attempt(log, () => writeResolvConf(resolvConf, servers));
      },
    };
    return new VirtualAddresses(
      ports,
      tun.addresses.map(({ address }) => address),
    );
  }

  #onDataPlaneEvent(event: DataPlaneEvent): void {
    switch (event.verb) {
      case "ike":
        this.driver.datagram(event);
        return;
      case "pathMtu":
        this.#routing.checkPath(event.local.address, event.remote.address);
        return;
      case "acquire":
      case "expire":
      case "saRefused":
      case "policyRefused":
      case "addressChanged":
      case "unknownSpi":
        this.driver.sadbEvent(event);
        return;
    }
  }

  /** With the counters of this moment, not of the last second. */
  #freshEndpointStatus(): DaemonStatus["endpoint"] {
    this.driver.usage(this.#dataPlane.usage());
    return this.driver.status();
  }
}

interface DaemonParts {
  readonly network: Network;
  readonly watch: AddressWatch;
  readonly steering: SpiSteering;
  readonly transport: IkeTransport;
  readonly device: TunnelDevice;
  readonly own: OwnTable | undefined;
  readonly dataPlane: DataPlane;
  readonly keyLog: KeyLog | undefined;
}

function openKeyLog(directory: string | undefined, log: Logger): KeyLog | undefined {
  if (directory === undefined) return undefined;
  const keyLog = new KeyLog(directory);
  log.warn(`all keys are written to ${directory}: whoever reads it can decrypt everything`);
  return keyLog;
}

function sourceTowards(network: Network, remote: string, ours: readonly string[]): string | undefined {
  try {
    const { source } = network.pathTo(remote);
    return ours.includes(source) ? source : undefined;
  } catch {
    return undefined;
  }
}
