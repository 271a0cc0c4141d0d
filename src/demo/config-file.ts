/** The configurations of the two ends, as an operator would write them. */
import type { DemoOptions } from "./options.ts";
import type { DemoHost } from "./topology.ts";

export interface ConfigPaths {
  readonly controlSocket: string;
  readonly secret: string;
}

/** The left end begins; the right one answers, and asks for further Child SAs when its own CPUs want them. */
export function configFile(self: DemoHost, peer: DemoHost, options: DemoOptions, { controlSocket, secret }: ConfigPaths): string {
  return `# ${self.end} host of the Hawser demonstration
connections:
  demo:
    local_addrs: [${quote(self.outerAddress)}]
    remote_addrs: [${quote(peer.outerAddress)}]
    local: { auth: psk, id: ${self.end}.demo }
    remote: { auth: psk, id: ${peer.end}.demo }
    children:
      net:
        local_ts: [${quote(self.innerNetwork)}]
        remote_ts: [${quote(peer.innerNetwork)}]
        esp_proposals: [aes128gcm16-esn]
        start_action: ${self.end === "left" ? "start" : "trap"}
        per_cpu_sas: yes
        multi_sa_scheme: ${options.scheme}
secrets:
  ike-demo:
    secret: file:${secret}
daemon:
  tun:
    name: hawser0
    addresses: [${quote(self.innerAddress)}]
  cpus: ${options.cpus}
  engine: ${options.engine}
  control_socket: ${controlSocket}
`;
}

/** An IPv6 address in a YAML list needs quotes. */
function quote(text: string): string {
  return JSON.stringify(text);
}
