/** strongSwan on one of the hosts: charon with its user-space ESP (kernel-libipsec), configured and asked by swanctl. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { runTool } from "../../../src/demo/traffic-process.ts";
import { Iproute } from "../../../src/host/linux/iproute.ts";
import { CHILD, CONNECTION, identityOf, SECRET } from "./hawser.ts";
import type { Hosts } from "./hosts.ts";
import { inJail, INSIDE, JailedDaemon } from "./peer-root.ts";
import type { Jail } from "./peer-root.ts";
import { until } from "./until.ts";

/** In the order of loading: the user-space data plane comes before the kernel's, which then only manages addresses and routes. */
const PLUGINS =
  "random nonce openssl pem pkcs1 pubkey x509 gmp curve25519 aes gcm chapoly hmac kdf sha1 sha2 kernel-libipsec kernel-netlink socket-default vici updown";

const CONTROL = `unix://${INSIDE}/charon.vici`;
const ENVIRONMENT = { STRONGSWAN_CONF: `${INSIDE}/strongswan.conf` };

/** Lines of swanctl.conf that are added to a section. */
export interface StrongSwanSettings {
  readonly connection?: readonly string[];
  readonly child?: readonly string[];
  /** Lines of the sections `local` and `remote`, instead of a pre-shared key. */
  readonly local?: readonly string[];
  readonly remote?: readonly string[];
  /** Lines of the section `secrets`, beside the pre-shared key. */
  readonly secrets?: readonly string[];
  /** Beside those that every test needs. */
  readonly plugins?: readonly string[];
  /** Lines of the section `pools`. */
  readonly pools?: readonly string[];
  /** Contents of credential files by their path below the folder of swanctl.conf, such as x509/own.pem. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface StrongSwanChildSa {
  /** What `swanctl --rekey --child-id` and the like name it by. */
  readonly uniqueId: number;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
}

const INSTALLED_CHILD_SA = new RegExp(
  [
    / uniqueid=(?<id>\d+) reqid=\d+ state=INSTALLED [^{}]*? spi-in=(?<in>[0-9a-f]+) spi-out=(?<out>[0-9a-f]+) [^{}]*?/,
    / packets-in=(?<packetsIn>\d+) [^{}]*? packets-out=(?<packetsOut>\d+)/,
  ]
    .map(({ source }) => source)
    .join(""),
  "g",
);

export class StrongSwan {
  readonly host: DemoHost;
  readonly #jail: Jail;
  readonly #daemon: JailedDaemon;

  private constructor(jail: Jail, daemon: JailedDaemon) {
    this.host = jail.host;
    this.#jail = jail;
    this.#daemon = daemon;
  }

  /** Starts charon on `self` and loads its connection. */
  static async start(root: string, hosts: Hosts, self: DemoHost, settings: StrongSwanSettings = {}): Promise<StrongSwan> {
    const peer = self === hosts.left ? hosts.right : hosts.left;
    const scratch = join(hosts.scratch, `${self.end}-strongswan`);
    mkdirSync(scratch, { recursive: true });
    writeFileSync(join(scratch, "strongswan.conf"), strongswanConf(settings.plugins));
    writeFileSync(join(scratch, "swanctl.conf"), swanctlConf(self, peer, settings));
    for (const [path, content] of Object.entries(settings.files ?? {})) {
      mkdirSync(dirname(join(scratch, path)), { recursive: true });
      writeFileSync(join(scratch, path), content);
    }
    // The address that pings come from and go to: there is no TUN device of ours to carry it.
    const prefix = self.innerAddress.includes(":") ? 128 : 32;
    new Iproute(self.namespace).run("add the inner address", "address", "replace", `${self.innerAddress}/${prefix}`, "dev", "lo");
    const jail = { host: self, root, scratch };
    const daemon = new JailedDaemon(jail, join(scratch, "charon.log"), ENVIRONMENT, "charon-systemd");
    const strongSwan = new StrongSwan(jail, daemon);
    await until(
      "charon answers",
      async () => {
        if (!daemon.isRunning) throw new Error(`charon has ended: ${daemon.log}`);
        return strongSwan.swanctl("--stats").catch(() => undefined);
      },
      { explain: () => daemon.log },
    );
    await strongSwan.swanctl("--load-all", "--file", `${INSIDE}/swanctl.conf`);
    return strongSwan;
  }

  get log(): string {
    return this.#daemon.log;
  }

  /** Runs `swanctl VERB …` and returns what it says. @throws Error with its complaint when it fails */
  swanctl(verb: string, ...parameters: readonly string[]): Promise<string> {
    return runTool(inJail(this.#jail, ENVIRONMENT, "swanctl", verb, "--uri", CONTROL, ...parameters));
  }

  initiate(): Promise<string> {
    return this.swanctl("--initiate", "--child", CHILD, "--timeout", "10");
  }

  /** Number of established IKE SAs. */
  async ikeSaCount(): Promise<number> {
    return (await this.#listSas()).match(/ version=2 state=ESTABLISHED /g)?.length ?? 0;
  }

  /** The Child SAs in state INSTALLED. */
  async childSas(): Promise<readonly StrongSwanChildSa[]> {
    const report = await this.#listSas();
    return [...report.matchAll(INSTALLED_CHILD_SA)].map(({ groups = {} }) => ({
      uniqueId: Number(groups["id"]),
      spiIn: parseInt(groups["in"] ?? "", 16),
      spiOut: parseInt(groups["out"] ?? "", 16),
      packetsIn: Number(groups["packetsIn"]),
      packetsOut: Number(groups["packetsOut"]),
    }));
  }

  /** @param spiIn of the Child SA, as strongSwan has it */
  async rekeyChild(spiIn: number): Promise<void> {
    await this.swanctl("--rekey", "--child-id", String(await this.#uniqueId(spiIn)));
  }

  /** @param spiIn of the Child SA, as strongSwan has it */
  async terminateChild(spiIn: number): Promise<void> {
    await this.swanctl("--terminate", "--child-id", String(await this.#uniqueId(spiIn)));
  }

  async #uniqueId(spiIn: number): Promise<number> {
    const found = (await this.childSas()).find((sa) => sa.spiIn === spiIn);
    if (found === undefined) throw new Error(`strongSwan has no Child SA with the inbound SPI ${spiIn.toString(16)}`);
    return found.uniqueId;
  }

  #listSas(): Promise<string> {
    return this.swanctl("--list-sas", "--raw");
  }

  kill(): void {
    this.#daemon.kill();
  }
}

function strongswanConf(plugins: readonly string[] = []): string {
  return `
charon-systemd {
  load = ${[PLUGINS, ...plugins].join(" ")}
  # Short, so that tests that lose a peer need not wait.
  retransmit_timeout = 0.5
  retransmit_tries = 3
  filelog {
    file {
      path = ${INSIDE}/charon.log
      flush_line = yes
      default = 1
      cfg = 2
      ike = 2
      chd = 2
    }
  }
  plugins {
    vici { socket = ${CONTROL} }
    kernel-libipsec { load = yes }
  }
}
swanctl { load = random openssl pem pkcs1 x509 }
`;
}

function swanctlConf(self: DemoHost, peer: DemoHost, settings: StrongSwanSettings): string {
  const { connection = [], child = [], secrets = [], pools = [] } = settings;
  const { local = ["auth = psk", `id = ${identityOf(self)}`], remote = ["auth = psk", `id = ${identityOf(peer)}`] } = settings;
  return `
connections {
  ${CONNECTION} {
    version = 2
    local_addrs = ${self.outerAddress}
    remote_addrs = ${peer.outerAddress}
    # Rekeying is done when the test says so.
    rekey_time = 0
    local {
      ${local.join("\n      ")}
    }
    remote {
      ${remote.join("\n      ")}
    }
    children {
      ${CHILD} {
        local_ts = ${self.innerNetwork}
        remote_ts = ${peer.innerNetwork}
        rekey_time = 0
        ${child.join("\n        ")}
      }
    }
    ${connection.join("\n    ")}
  }
}
secrets {
  ike-peer { secret = "${SECRET}" }
  ${secrets.join("\n  ")}
}
pools {
  ${pools.join("\n  ")}
}
`;
}
