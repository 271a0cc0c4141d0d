/** Wireshark as a witness: what was on the cable, as its dissectors read it, with our keys or without. */
import { strict as assert } from "node:assert";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Iproute } from "../../../src/host/linux/iproute.ts";
import { inNamespace } from "../../../src/host/linux/namespaces.ts";
import type { Hosts } from "./hosts.ts";
import { sleep, until } from "./until.ts";

/** All on the cable, in both directions, into a file. */
export class Capture {
  readonly path: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()));
  }

  /** Waits until it listens. */
  static async start({ left, right }: Hosts, path: string): Promise<Capture> {
    // Else the super-packets of UDP_SEGMENT would be seen whole, which a cable that is not virtual would never carry.
    for (const { namespace, device } of [left, right]) {
      new Iproute(namespace).run("turn off segmentation offload", "link", "set", "dev", device, "gso_max_segs", "1");
    }
    // Each packet is in the file at once: else the kernel keeps packets for up to a second, and tcpdump leaves those behind when it is told to stop.
    const atOnce = ["--immediate-mode", "-U"];
    // -Z root: tcpdump would give up its rights to the scratch folder.
    const [command = "", ...parameters] = inNamespace(left.namespace, "tcpdump", "-i", left.device, ...atOnce, "-Z", "root", "-w", path);
    const child = spawn(command, parameters, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until("tcpdump listens", () => (said.includes("listening on") ? true : undefined), { explain: () => said });
    return new Capture(path, child);
  }

  /** Ends it when the last packets are in the file. */
  async stop(): Promise<void> {
    await sleep(200);
    this.#process.kill("SIGINT");
    await this.#ended;
  }
}

/** Wireshark does neither by default. */
const ESP_PREFERENCES = ["esp.enable_encryption_decode:TRUE", "esp.enable_authentication_check:TRUE"];

/**
 * What the traffic within says is no matter of ours: by its random ports Wireshark would take some of it for other protocols, find it malformed, and
 * then leave out the ICV of the ESP around it.
 */
const CONTENTS_ARE_DATA = ["udp.port==4501-65535,data", "tcp.port==1024-65535,data"].flatMap((rule) => ["-d", rule]);

/** Wireshark's guess about datagrams to the ports that traceroute begins with, which are also some of those that hosts give to their sockets. */
const GUESS_BY_PORT = /^Possible traceroute/;

/** IKE, whichever port it is on. */
export const IKE_FILTER = "(udp.port == 500 || udp.port == 4500) && !esp && !udpencap.nat_keepalive";

export type Fields<Name extends string> = Readonly<Record<Name, readonly string[]>>;

export class Dissection {
  readonly #capture: string;
  readonly #profile: string;

  /**
   * @param keyLogs folders that daemons have written their keys to
   * @param epoch which keys of an IKE SA that IKE_INTERMEDIATE has given several: Wireshark takes the last line with its SPIs
   */
  constructor(capture: string, keyLogs: readonly string[] = [], epoch: "first" | "last" = "last") {
    this.#capture = capture;
    // A folder of its own as XDG_CONFIG_HOME: the tables lie where a user would put them.
    this.#profile = mkdtempSync(`${capture}.profile-`);
    const tables = join(this.#profile, "wireshark");
    mkdirSync(tables);
    for (const name of ["ikev2_decryption_table", "esp_sa"]) {
      const lines = keyLogs.flatMap((folder) => readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean));
      const table = [...new Set(lines)];
      if (epoch === "first") table.reverse();
      writeFileSync(join(tables, name), table.map((line) => `${line}\n`).join(""));
    }
  }

  /** One record for each packet that the display filter lets through: the values of each field, as tshark prints them. Takes a second. */
  fields<Name extends string>(filter: string, names: readonly Name[]): readonly Fields<Name>[] {
    const output = this.#run(filter, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", ...names.flatMap((name) => ["-e", name]));
    return output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const values = line.split("\t");
        const record = names.map((name, i) => [name, (values[i] ?? "").split(";").filter(Boolean)] as const);
        return Object.fromEntries(record) as unknown as Fields<Name>;
      });
  }

  #run(filter: string, ...output: readonly string[]): string {
    const preferences = ESP_PREFERENCES.flatMap((preference) => ["-o", preference]);
    const parameters = ["-n", "-r", this.#capture, ...preferences, ...CONTENTS_ARE_DATA, "-Y", filter, ...output];
    const { status, stdout, stderr } = spawnSync("tshark", parameters, {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
      env: { ...process.env, XDG_CONFIG_HOME: this.#profile, HOME: this.#profile },
    });
    if (status !== 0) throw new Error(`tshark: ${stderr.trim()}`);
    return stdout;
  }
}

/** What the dissectors object to in a packet. */
export function remarks(packet: Fields<"_ws.expert.message">): readonly string[] {
  return packet["_ws.expert.message"].filter((message) => !GUESS_BY_PORT.test(message));
}

export function frame(packet: Fields<"frame.number">): string {
  return `frame ${packet["frame.number"].join()}`;
}

export function assertHas<Name extends string>(message: Fields<Name> | undefined, field: Name, wanted: readonly number[]): void {
  assert.ok(message !== undefined, "no such message");
  for (const number of wanted) assert.ok(message[field].includes(String(number)), `${number} is not among ${message[field].join(", ")}`);
}
