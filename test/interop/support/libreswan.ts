/** libreswan on one of the hosts: pluto, asked by whack. Its ESP is the kernel's. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DemoHost } from "../../../src/demo/topology.ts";
import { runTool } from "../../../src/demo/traffic-process.ts";
import { CONNECTION, identityOf, SECRET } from "./hawser.ts";
import type { Hosts } from "./hosts.ts";
import { inJail, INSIDE, JailedDaemon } from "./peer-root.ts";
import type { Jail } from "./peer-root.ts";
import { until } from "./until.ts";

const LIBEXEC = "/usr/libexec/ipsec";
const RUN = `${INSIDE}/run`;
const NSS = `${INSIDE}/nss`;

export class Libreswan {
  readonly #jail: Jail;
  readonly #daemon: JailedDaemon;

  private constructor(jail: Jail, daemon: JailedDaemon) {
    this.#jail = jail;
    this.#daemon = daemon;
  }

  /** Starts pluto on `self` and waits until it has loaded its connection and listens. */
  static async start(root: string, hosts: Hosts, self: DemoHost): Promise<Libreswan> {
    const peer = self === hosts.left ? hosts.right : hosts.left;
    const scratch = join(hosts.scratch, `${self.end}-libreswan`);
    for (const folder of ["run", "nss"]) mkdirSync(join(scratch, folder), { recursive: true });
    writeFileSync(join(scratch, "ipsec.conf"), ipsecConf(self, peer));
    writeFileSync(join(scratch, "ipsec.secrets"), `@${identityOf(self)} @${identityOf(peer)} : PSK "${SECRET}"\n`);
    const jail = { host: self, root, scratch };
    await runTool(inJail(jail, {}, "certutil", "-N", "-d", `sql:${NSS}`, "--empty-password"));
    const files = ["--config", `${INSIDE}/ipsec.conf`, "--secretsfile", `${INSIDE}/ipsec.secrets`, "--logfile", `${INSIDE}/pluto.log`];
    const folders = ["--rundir", RUN, "--nssdir", NSS];
    const daemon = new JailedDaemon(jail, join(scratch, "pluto.log"), {}, `${LIBEXEC}/pluto`, "--nofork", ...files, ...folders);
    await until(
      "pluto listens",
      () => {
        if (!daemon.isRunning) throw new Error(`pluto has ended: ${daemon.log}`);
        return /added IKEv2 connection[^]*loading secrets/.test(daemon.log) ? true : undefined;
      },
      { explain: () => daemon.log },
    );
    return new Libreswan(jail, daemon);
  }

  get log(): string {
    return this.#daemon.log;
  }

  /** Runs whack and returns what it says. @throws Error with its complaint when it fails */
  whack(...parameters: readonly string[]): Promise<string> {
    return runTool(inJail(this.#jail, {}, `${LIBEXEC}/whack`, "--ctlsocket", `${RUN}/pluto.ctl`, ...parameters));
  }

  initiate(): Promise<string> {
    return this.whack("--initiate", "--name", CONNECTION, "--asynchronous");
  }

  /** Numbers of IKE SAs and Child SAs that are up. */
  async saCounts(): Promise<{ readonly ike: number; readonly child: number }> {
    const status = await this.whack("--status");
    const count = (pattern: RegExp): number => Number(pattern.exec(status)?.[1]);
    return { ike: count(/IKE SAs: .*authenticated\((\d+)\)/), child: count(/IPsec SAs: total\((\d+)\)/) };
  }

  /** As a crash would. */
  kill(): void {
    this.#daemon.kill();
  }
}

function ipsecConf(self: DemoHost, peer: DemoHost): string {
  return `
config setup

conn ${CONNECTION}
  ikev2=insist
  authby=secret
  left=${self.outerAddress}
  leftid=@${identityOf(self)}
  leftsubnet=${self.innerNetwork}
  right=${peer.outerAddress}
  rightid=@${identityOf(peer)}
  rightsubnet=${peer.innerNetwork}
  encapsulation=yes
  retransmit-timeout=5s
  auto=add
`;
}
