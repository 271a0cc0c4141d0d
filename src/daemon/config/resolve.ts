/** From the sections of the file to the records that the rooms work with: dependent defaults, secrets. */
import { dirname } from "node:path";
import { defaultEspProposals, defaultIkeProposals } from "../../crypto/algorithms.ts";
import type { ChildConfig, ConnectionConfig, EndpointConfig, Ppk, SharedSecret } from "../../ike/config.ts";
import { formatIdentity, parseIdentity, sameIdentity, type Identity } from "../../ike/identity.ts";
import type { Proposal } from "../../wire/proposal.ts";
import { isPlainAddress } from "./addresses.ts";
import { AuthenticationSections } from "./authentication.ts";
import type { HawserConfig } from "./config.ts";
import { CredentialFiles } from "./credential-files.ts";
import type { Finding } from "./explain.ts";
import { poolConfigs } from "./pool-schema.ts";
import type { ChildSection, ConfigFile, ConnectionSection, DaemonSection } from "./schema.ts";
import { resolveSecrets } from "./secret-sections.ts";
import { withOwnAddresses } from "./transport-children.ts";

type Dispatch = DaemonSection["tun"]["dispatch"];

/** swanctl's margin between the soft and the hard end of a life. */
const MARGIN = 1.1;

/** Collects what is wrong while the records are built, so that all of it can be told at once. */
export class Resolution {
  readonly findings: Finding[] = [];
  readonly warnings: string[] = [];
  #holdsSecrets = false;
  readonly #directory: string;
  readonly #date: number;

  /**
   * @param file paths in it are relative to its directory
   * @param date milliseconds since 1970, for warnings of certificates that are not valid
   */
  constructor(file: string, date: number) {
    this.#directory = dirname(file);
    this.#date = date;
  }

  resolve(file: string, sections: ConfigFile): HawserConfig {
    const endpoint = this.#endpoint(sections);
    const daemon = daemonConfig(sections.daemon, this.#dispatch(sections));
    return { file, endpoint, daemon, holdsSecrets: this.#holdsSecrets, warnings: this.warnings };
  }

  /** How packets come to workers is a matter of the TUN device, which all children share. */
  #dispatch({ connections, daemon }: ConfigFile): Dispatch {
    let first: { readonly path: readonly string[]; readonly dispatch: Dispatch } | undefined;
    for (const [connection, { children }] of Object.entries(connections)) {
      for (const [child, { dispatch }] of Object.entries(children)) {
        const path = ["connections", connection, "children", child, "dispatch"];
        if (dispatch === undefined) continue;
        first ??= { path, dispatch };
        if (dispatch === first.dispatch) continue;
        const text = `All children share one TUN device, and ${first.path.join(".")} is ${first.dispatch}; it must be the same here.`;
        this.findings.push({ path, text });
      }
    }
    return first?.dispatch ?? daemon.tun.dispatch;
  }

  #endpoint({ connections, secrets, pools, authorities, daemon }: ConfigFile): EndpointConfig {
    if (Object.keys(connections).length === 0) {
      this.findings.push({ path: ["connections"], text: "No connection is configured; there must be at least one." });
    }
    const { shared, ppks, passphrases, areInFile } = resolveSecrets(secrets, this.#directory, this);
    this.#holdsSecrets = areInFile;
    const authentication = new AuthenticationSections(new CredentialFiles(this.#directory, passphrases), authorities, this, this.#date);
    return {
      connections: Object.entries(connections).flatMap(([name, section]) => this.#connection(name, section, daemon, authentication, ppks)),
      secrets: shared,
      pools: poolConfigs(pools),
      applicationVersion: daemon.application_version,
      halfOpenLimit: daemon.half_open_limit,
      cookieThreshold: daemon.cookie_threshold,
      perSourceLimit: daemon.per_source_limit,
      halfOpenTimeout: daemon.half_open_timeout,
      retransmit: daemon.retransmit,
      natKeepalive: daemon.nat_keepalive,
      fragmentSize: daemon.fragment_size,
      windowSize: daemon.window_size,
      deleteGrace: daemon.delete_grace,
      draftNotifies: { cpuQueues: daemon.cpu_queues_notify, cpuQueueInfo: daemon.cpu_queue_info_notify },
      ikePort: daemon.ike_port,
      natPort: daemon.nat_port,
    };
  }

  /** None after a finding that leaves an end without authentication. */
  #connection(
    name: string,
    section: ConnectionSection,
    daemon: DaemonSection,
    authentication: AuthenticationSections,
    ppks: readonly SharedSecret[],
  ): ConnectionConfig[] {
    const localAddrs = section.local_addrs ?? ["%any"];
    const remoteAddrs = section.remote_addrs ?? ["%any"];
    const local = authentication.local(name, section, () => this.#addressIdentity(name, localAddrs));
    const remote = authentication.remote(name, section, identityOfAddress(remoteAddrs) ?? "%any");
    if (local === undefined || remote === undefined) return [];
    const config: ConnectionConfig = {
      name,
      localAddrs,
      remoteAddrs,
      localPort: section.local_port ?? daemon.ike_port,
      remotePort: section.remote_port,
      proposals: numbered(section.proposals?.flat() ?? defaultIkeProposals()),
      local,
      remote,
      children: Object.entries(section.children).map(([childName, child]) => childConfig(childName, child, localAddrs, remoteAddrs)),
      vips: section.vips ?? [],
      pools: section.pools ?? [],
      ppk: this.#ppk(name, section, ppks),
      dpdDelay: section.dpd_delay,
      rekeyTime: section.rekey_time,
      overTime: section.over_time ?? 0.1 * section.rekey_time,
      unique: section.unique,
      maxIkeSas: section.max_ike_sas,
      keyingTries: section.keyingtries,
      encap: section.encap,
      // IKEv2 has nothing to force: that is for IKEv1, where swanctl keeps the word.
      fragmentation: section.fragmentation === "force" ? "yes" : section.fragmentation,
      mobike: section.mobike,
      childless: section.childless,
    };
    return [config];
  }

  /** The default of `local.id`. */
  #addressIdentity(connection: string, localAddrs: readonly string[]): Identity {
    const identity = identityOfAddress(localAddrs);
    if (identity !== undefined) return identity;
    const text =
      "This key is missing, and local_addrs has no address that could stand for it; it must be an identity such as west.example.";
    this.findings.push({ path: ["connections", connection, "local", "id"], text });
    return parseIdentity("unknown.invalid");
  }

  /** The secret of type ppk that names the connection's `ppk_id`, else one that names nobody. */
  #ppk(connection: string, { ppk_id: id, ppk_required: required }: ConnectionSection, ppks: readonly SharedSecret[]): Ppk | undefined {
    const path = ["connections", connection];
    if (id === undefined) {
      if (required)
        this.findings.push({ path: [...path, "ppk_required"], text: "Which one? Add ppk_id with the id of a secret ppk-NAME." });
      return undefined;
    }
    const named = ppks.find(({ ids }) => ids.some((other) => sameIdentity(other, id))) ?? ppks.find(({ ids }) => ids.length === 0);
    if (named === undefined) {
      const text = `There is no PPK "${formatIdentity(id)}"; add a secret ppk-NAME with this id to "secrets".`;
      this.findings.push({ path: [...path, "ppk_id"], text });
      return undefined;
    }
    return { id, secret: named.secret, required };
  }
}

function childConfig(name: string, section: ChildSection, localAddrs: readonly string[], remoteAddrs: readonly string[]): ChildConfig {
  const isTransport = section.mode === "transport";
  return {
    name,
    mode: section.mode,
    localTs: isTransport ? withOwnAddresses(section.local_ts, localAddrs) : section.local_ts,
    remoteTs: isTransport ? withOwnAddresses(section.remote_ts, remoteAddrs) : section.remote_ts,
    espProposals: numbered(section.esp_proposals?.flat() ?? defaultEspProposals()),
    startAction: section.start_action,
    rekeyTime: section.rekey_time,
    lifeTime: section.life_time ?? MARGIN * section.rekey_time,
    rekeyBytes: section.rekey_bytes,
    lifeBytes: section.life_bytes ?? Math.ceil(MARGIN * section.rekey_bytes),
    rekeyPackets: section.rekey_packets,
    lifePackets: section.life_packets ?? Math.ceil(MARGIN * section.rekey_packets),
    perCpuSas: section.per_cpu_sas,
    scheme: section.multi_sa_scheme,
    onMissingSa: section.on_missing_sa,
    maxSas: section.max_sas,
    maxTsPairs: section.max_ts_pairs,
    maxCpuRatio: section.max_cpu_ratio,
    idleTimeout: section.idle_timeout,
    copyDscp: section.copy_dscp,
    copyEcn: section.copy_ecn,
    replayWindow: section.replay_window,
  };
}

function daemonConfig(section: DaemonSection, dispatch: Dispatch): HawserConfig["daemon"] {
  const { tun } = section;
  return {
    tun: { name: tun.name, mtu: tun.mtu, addresses: tun.addresses ?? [], dispatch },
    cpus: section.cpus,
    engine: section.engine,
    controlSocket: section.control_socket,
    qcdSecret: section.qcd_secret === "none" ? undefined : (section.qcd_secret ?? `${section.control_socket}.qcd`),
    keyLog: section.key_log,
    resolvConf: section.resolv_conf,
    logLevel: section.log_level,
    maxSasPerCpu: section.max_sas_per_cpu,
  };
}

/** RFC 7296 §3.3.1: the first proposal has number 1, each further one more. */
function numbered(proposals: readonly Proposal[]): Proposal[] {
  return proposals.map((proposal, index) => ({ ...proposal, number: index + 1 }));
}

function identityOfAddress(patterns: readonly string[]): Identity | undefined {
  const address = patterns.find(isPlainAddress);
  return address === undefined ? undefined : parseIdentity(address);
}
