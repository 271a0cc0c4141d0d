/** OpenVPN without its kernel module, TLS between two ends that know each other's certificates. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { TUNNEL_MTU } from "../lab/hosts.ts";
import type { PeerRoot } from "./chroot.ts";
import { awaitTunnel } from "./peer.ts";
import type { Peer } from "./peer.ts";

export const OPENVPN: Peer = {
  name: "openvpn",
  lay: async (hosts, root) => {
    const [left, right] = hosts;
    // It ends with status 1 after telling its version.
    const version = (await root.run(left, "sh", "-c", "openvpn --version || true")).split(" ").slice(0, 2).join(" ");
    const prints = { left: makeCertificate(root, "left"), right: makeCertificate(root, "right") };
    const ends = [
      { self: left, peer: right, role: "--tls-client" },
      { self: right, peer: left, role: "--tls-server" },
    ].map(({ self, peer, role }) =>
      root.serve(
        self,
        ...["openvpn", "--dev", "tun-bench", "--dev-type", "tun", "--ifconfig", self.innerAddress, peer.innerAddress],
        ...["--local", self.outerAddress, "--remote", peer.outerAddress, "--proto", "udp", role, "--disable-dco"],
        ...["--cert", `/tmp/ovpn-${self.end}.crt`, "--key", `/tmp/ovpn-${self.end}.key`, "--dh", "none"],
        ...["--peer-fingerprint", prints[peer.end], "--data-ciphers", "AES-128-GCM", "--tun-mtu", String(TUNNEL_MTU)],
      ),
    );
    await awaitTunnel(hosts, () => ends.map((said) => said()).join(""));
    return { version };
  },
};

/** Returns the SHA-256 fingerprint. */
function makeCertificate(root: PeerRoot, name: string): string {
  const [key, certificate] = [`ovpn-${name}.key`, `ovpn-${name}.crt`].map((file) => root.path(`tmp/${file}`)) as [string, string];
  const subject = ["-subj", `/CN=${name}`, "-days", "2"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const { status, stderr } = spawnSync("openssl", ["req", "-x509", "-nodes", ...curve, ...subject, "-keyout", key, "-out", certificate], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`openssl cannot make a certificate: ${stderr}`);
  return new X509Certificate(readFileSync(certificate)).fingerprint256;
}
