/** The configuration file: every key there is, what it is for, and how its text is read. Names are those of swanctl.conf where it has them. */
import { z } from "zod";
import { parseProposals } from "../../crypto/algorithms.ts";
import { parseIdentity } from "../../ike/identity.ts";
import { InvalidText } from "../../wire/errors.ts";
import { parseConfiguredSelector } from "../../ipsec/dynamic-selectors.ts";
import { parseAddress } from "../../wire/address.ts";
import { parseAddressPattern, parseDeviceName, parseInterfaceAddress } from "./addresses.ts";
import { authoritySchema, localSchema, remoteSchema } from "./authentication-schema.ts";
import { parseCpuChoice } from "./cpus.ts";
import { poolSchema } from "./pool-schema.ts";
import { defaulted, listOf, optional, optionalListOf, required } from "./fields.ts";
import {
  decimalFrom,
  integerFrom,
  oneOf,
  parseBoolean,
  parseCountLimit,
  parseDuration,
  parseLifetime,
  parseSizeLimit,
} from "./quantities.ts";

const DURATION = "a duration such as 300s, 5m or 1h";
const YES_NO = "yes or no";
const ADDRESSES = 'a list of addresses, prefixes or "%any"';
const SELECTORS = "a list of selectors such as 10.1.0.0/16, 10.1.0.0/16[tcp/443] or dynamic";

export const DEFAULT_CONTROL_SOCKET = "/run/hawser/hawser.sock";

const readIkeProposals = (text: string) => parseProposals(text, "IKE");
const readEspProposals = (text: string) => parseProposals(text, "ESP");
const DISPATCH = oneOf("cpu", "flow", "round-robin", "random");
const asWritten = (text: string): string => text;

/** RFC 7296 §3.15.1: printable ASCII. */
function parseVersionText(text: string): string {
  if (/^[\x20-\x7e]{1,255}$/.test(text)) return text;
  throw new InvalidText(`"${text}" must be up to 255 printable ASCII characters.`);
}

export const childSchema = z.strictObject({
  mode: defaulted(oneOf("tunnel", "transport"), {
    about:
      "tunnel: whole packets, between networks or hosts; transport: between the two hosts' own addresses, without a second IP header. As responder, a tunnel if the peer asks for that.",
    expects: "tunnel or transport",
    default: "tunnel",
  }),
  local_ts: listOf(parseConfiguredSelector, {
    about: "Traffic selectors of this side; dynamic: the virtual address that it gets from the peer (vips), in transport mode its own.",
    expects: SELECTORS,
  }),
  remote_ts: listOf(parseConfiguredSelector, {
    about:
      "Traffic selectors of the peer's side; dynamic: the virtual address that it has from us (pools), in transport mode its own. Routes to them lead into the TUN device.",
    expects: SELECTORS,
  }),
  esp_proposals: optionalListOf(readEspProposals, {
    about:
      "ESP proposals in order of preference; default stands for the built-in ones. A key exchange in them asks for PFS when a Child SA is rekeyed or added.",
    expects: "a list of proposals such as aes128gcm16-esn",
    default: "the built-in proposals",
  }),
  start_action: defaulted(oneOf("none", "trap", "start"), {
    about: "none: on command or by the peer; trap: when the first packet asks for it; start: at once.",
    expects: "none, trap or start",
    default: "none",
  }),
  rekey_time: defaulted(parseLifetime, { about: "Age at which a Child SA is rekeyed; 0: never.", expects: DURATION, default: "1h" }),
  life_time: optional(parseLifetime, {
    about: "Age at which a Child SA that was not rekeyed is closed; 0: never.",
    expects: DURATION,
    default: "rekey_time + 10 %",
  }),
  rekey_bytes: defaulted(parseSizeLimit, {
    about: "Octets after which a Child SA is rekeyed; 0: no limit.",
    expects: "a size such as 500M or 1G",
    default: "0",
  }),
  life_bytes: optional(parseSizeLimit, {
    about: "Octets after which a Child SA that was not rekeyed carries no more.",
    expects: "a size such as 500M or 1G",
    default: "rekey_bytes + 10 %",
  }),
  rekey_packets: defaulted(parseCountLimit, {
    about: "Packets after which a Child SA is rekeyed; 0: no limit.",
    expects: "a count such as 500M",
    default: "0",
  }),
  life_packets: optional(parseCountLimit, {
    about: "Packets after which a Child SA that was not rekeyed carries no more.",
    expects: "a count such as 500M",
    default: "rekey_packets + 10 %",
  }),
  per_cpu_sas: defaulted(parseBoolean, {
    about: "One Child SA for each CPU (RFC 9611), as far as the peer agrees. Not for remote access.",
    expects: YES_NO,
    default: "no",
  }),
  multi_sa_scheme: defaulted(oneOf("rfc9611", "cpu-queues", "stub"), {
    about: "How additional Child SAs are agreed on: SA_RESOURCE_INFO (RFC 9611), the CPU_QUEUES draft, or without the peer's knowledge.",
    expects: "rfc9611, cpu-queues or stub",
    default: "rfc9611",
  }),
  on_missing_sa: defaulted(oneOf("resteer", "shared", "hold", "drop"), {
    about:
      "What becomes of packets on a CPU without an own SA: handed to a CPU that has one, sealed on a shared SA, held back for a moment, or dropped.",
    expects: "resteer, shared, hold or drop",
    default: "resteer",
  }),
  max_sas: optional(integerFrom(1, 4096), {
    about: "Most Child SAs of one pair of selectors, rekeys in flight included.",
    expects: "a whole number from 1 to 4096",
    default: "2 × CPUs",
  }),
  max_ts_pairs: optional(integerFrom(1, 4096), {
    about: "Most pairs of selectors that one IKE SA has Child SAs for, where its peer narrows local_ts and remote_ts.",
    expects: "a whole number from 1 to 4096",
    default: "local_ts × remote_ts, at least 8",
  }),
  max_cpu_ratio: defaulted(integerFrom(0, 4096), {
    about: "cpu-queues: when the peer wants more than this many times our CPUs, one SA carries everything; 0: no such limit.",
    expects: "a whole number from 0 to 4096",
    default: "16",
  }),
  dispatch: optional(DISPATCH, {
    about: "daemon.tun.dispatch, said with the child. All children share the one TUN device, so all that say it must say the same.",
    expects: "cpu, flow, round-robin or random",
    default: "daemon.tun.dispatch",
  }),
  idle_timeout: defaulted(parseDuration, {
    about: "A per-CPU Child SA that carried nothing for so long is deleted; 0: never.",
    expects: DURATION,
    default: "0",
  }),
  replay_window: defaulted(integerFrom(0, 16_384), {
    about: "Anti-replay window in packets, rounded up to 64s; 0: no replay protection.",
    expects: "a whole number from 0 to 16384",
    default: "4096",
  }),
  copy_dscp: defaulted(parseBoolean, {
    about: "Copy the DSCP of inner packets to the outer header (RFC 4301 §5.1.2).",
    expects: YES_NO,
    default: "yes",
  }),
  copy_ecn: defaulted(parseBoolean, { about: "Carry ECN across the tunnel (RFC 6040).", expects: YES_NO, default: "yes" }),
});

export const connectionSchema = z.strictObject({
  local_addrs: optionalListOf(parseAddressPattern, {
    about: "Addresses of this host for IKE and ESP. %any: all that the host has at start.",
    expects: ADDRESSES,
    default: "%any",
  }),
  remote_addrs: optionalListOf(parseAddressPattern, {
    about: "Addresses of the peer. The first plain address is initiated to; without one the connection only answers.",
    expects: ADDRESSES,
    default: "%any",
  }),
  local_port: optional(integerFrom(1, 65_535), {
    about: "UDP port to send the first IKE message from.",
    expects: "a port",
    default: "daemon.ike_port",
  }),
  remote_port: defaulted(integerFrom(1, 65_535), {
    about: "UDP port to send the first IKE message to.",
    expects: "a port",
    default: "500",
  }),
  proposals: optionalListOf(readIkeProposals, {
    about: "IKE proposals in order of preference; default stands for the built-in ones.",
    expects: "a list of proposals such as aes128gcm16-prfsha256-x25519",
    default: "the built-in proposals",
  }),
  send_cert: defaulted(oneOf("always", "ifasked", "never"), {
    about: "Whether this side sends its certificate or raw public key: in any case, when the peer asks, or never.",
    expects: "always, ifasked or never",
    default: "ifasked",
  }),
  send_certreq: defaulted(parseBoolean, {
    about: "Ask the peer for a certificate, naming the authorities that are trusted.",
    expects: YES_NO,
    default: "yes",
  }),
  ocsp: defaulted(oneOf("reply", "request", "both", "never"), {
    about: "OCSP responses in IKE (RFC 4806): give ours to a peer that asks, ask for its own, both, or neither.",
    expects: "reply, request, both or never",
    default: "reply",
  }),
  local: localSchema.prefault({}),
  remote: remoteSchema.prefault({}),
  children: z.record(z.string(), childSchema).meta({ expects: "a mapping from the names of the children to their settings" }),
  vips: optionalListOf(parseAddress, {
    about: "Virtual addresses to ask the peer for: 0.0.0.0 and :: are any, another one is a wish. One of each family at most.",
    expects: "a list of addresses such as 0.0.0.0, ::",
    default: "none",
  }),
  pools: optionalListOf(asWritten, {
    about: "Pools that peers get virtual addresses from, in the order in which they are tried. A peer that asks for none gets no Child SA.",
    expects: "a list of names of pools",
    default: "none",
  }),
  ppk_id: optional(parseIdentity, {
    about: "Post-quantum preshared key (RFC 8784) that goes into the keys too: an id of a secret whose name begins with ppk.",
    expects: "an identity such as ppk.example",
    default: "none",
  }),
  ppk_required: defaulted(parseBoolean, {
    about: "No IKE SA without the post-quantum preshared key; otherwise it is used if the peer has it.",
    expects: YES_NO,
    default: "no",
  }),
  dpd_delay: defaulted(parseDuration, {
    about: "Silence from the peer after which it is asked whether it lives; 0: never.",
    expects: DURATION,
    default: "0",
  }),
  rekey_time: defaulted(parseLifetime, { about: "Age at which the IKE SA is rekeyed; 0: never.", expects: DURATION, default: "4h" }),
  over_time: optional(parseDuration, {
    about: "An IKE SA that could not be rekeyed is closed so long after rekey_time.",
    expects: DURATION,
    default: "10 % of rekey_time",
  }),
  unique: defaulted(oneOf("no", "keep", "replace"), {
    about: "A second IKE SA between the same identities: allowed, refused, or it replaces the first.",
    expects: "no, keep or replace",
    default: "no",
  }),
  max_ike_sas: defaulted(integerFrom(2, 100_000), {
    about: "Most IKE SAs with one peer. Of more, the one that has been silent for longest is closed.",
    expects: "a whole number from 2 to 100000",
    default: "8",
  }),
  keyingtries: defaulted(integerFrom(0, 1000), {
    about: "How often the whole of IKE_SA_INIT with its retransmissions is tried; 0: for ever.",
    expects: "a whole number from 0 to 1000",
    default: "1",
  }),
  mobike: defaulted(parseBoolean, {
    about: "Addresses of either end may change while the SAs stay (RFC 4555), if the peer takes part.",
    expects: YES_NO,
    default: "yes",
  }),
  encap: defaulted(parseBoolean, {
    about: "ESP in UDP even without a NAT, which is faster here; no: as IP protocol 50 unless there is a NAT.",
    expects: YES_NO,
    default: "yes",
  }),
  childless: defaulted(oneOf("allow", "prefer", "force", "never"), {
    about: "The first Child SA in an exchange of its own (RFC 6023): if need be, whenever the peer can, in any case, or never.",
    expects: "allow, prefer, force or never",
    default: "allow",
  }),
  fragmentation: defaulted(oneOf("yes", "accept", "force", "no"), {
    about: "IKE fragmentation (RFC 7383): both ways, only of what the peer sends, or not at all; force means yes.",
    expects: "yes, accept, force or no",
    default: "yes",
  }),
});

/** The key of an owner is `id`, or `id-` and any suffix, as in swanctl.conf. */
export const secretSchema = z
  .object({
    secret: required(asWritten, {
      about:
        "The pre-shared key (ike-NAME), post-quantum preshared key (ppk-NAME) or passphrase of a private key (private-NAME): as it stands, 0x and hexadecimal digits, 0s and base64, or file: and a path whose content it is.",
      expects: "a secret: literal text, 0x…, 0s… or file:PATH",
    }),
    id: optionalListOf(parseIdentity, {
      about: "Whose secret it is, or the ppk_id that it goes by; id-SUFFIX names more.",
      expects: "an identity such as east.example",
      default: "anybody's",
    }),
    file: optional(asWritten, {
      about: "With private-NAME: the file of the private key, as private_key names it.",
      expects: "a path",
      default: "none",
    }),
  })
  .catchall(z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(z.string())));

const tunSchema = z.strictObject({
  name: defaulted(parseDeviceName, {
    about: "Name of the TUN device.",
    expects: "a device name of up to 15 characters",
    default: "hawser0",
  }),
  mtu: optional(integerFrom(576, 65_000), {
    about: "MTU of the TUN device, in octets.",
    expects: "a whole number from 576 to 65000",
    default: "what the outer device's MTU leaves after encapsulation",
  }),
  addresses: optionalListOf(parseInterfaceAddress, {
    about: "Addresses of the TUN device. One that lies in local_ts becomes the source of routes to remote_ts.",
    expects: "a list of addresses such as 10.1.0.1/32",
    default: "none",
  }),
  dispatch: defaulted(DISPATCH, {
    about: "Which worker gets an outbound packet: that of the sending CPU, that of the flow, each in turn, or any.",
    expects: "cpu, flow, round-robin or random",
    default: "cpu",
  }),
});

const retransmitSchema = z.strictObject({
  timeout: defaulted(parseDuration, { about: "Wait before the first retransmission.", expects: DURATION, default: "2s" }),
  base: defaulted(decimalFrom(1, 10), {
    about: "Each wait is so many times the one before.",
    expects: "a number from 1 to 10",
    default: "1.8",
  }),
  tries: defaulted(integerFrom(1, 100), {
    about: "Retransmissions before the peer is given up.",
    expects: "a whole number from 1 to 100",
    default: "5",
  }),
  jitter: defaulted(decimalFrom(0, 1), {
    about: "Part of each wait that may be taken away at random.",
    expects: "a number from 0 to 1",
    default: "0.2",
  }),
});

export const daemonSchema = z.strictObject({
  tun: tunSchema.prefault({}),
  cpus: defaulted(parseCpuChoice, {
    about: "CPUs that get a worker: all that the process may run on, the first N, or a list such as 0-3,6.",
    expects: "all, a number or a list such as 0-3,6",
    default: "all",
  }),
  engine: defaulted(oneOf("auto", "ipsec-mb", "openssl", "node"), {
    about: "What encrypts ESP; auto: the fastest that is there.",
    expects: "auto, ipsec-mb, openssl or node",
    default: "auto",
  }),
  control_socket: defaulted(asWritten, {
    about: "Unix socket of hawser status, down and the like.",
    expects: "a path",
    default: DEFAULT_CONTROL_SOCKET,
  }),
  qcd_secret: optional(asWritten, {
    about: "Secret file for quick crash detection (RFC 6290), made at need; one for each daemon; none: off.",
    expects: "a path, or none",
    default: "control_socket + .qcd",
  }),
  application_version: optional(parseVersionText, {
    about: "What a peer that asks for our software's version is told (APPLICATION_VERSION).",
    expects: "a text of printable ASCII characters",
    default: "nothing",
  }),
  key_log: optional(asWritten, {
    about: "Directory for Wireshark's key tables. Whoever reads them can decrypt everything: for debugging only.",
    expects: "a path",
    default: "no key log",
  }),
  resolv_conf: optional(asWritten, {
    about: "File of its own for the DNS servers that peers tell us of, in the form of resolv.conf(5).",
    expects: "a path",
    default: "none: they are in the log and the status",
  }),
  log_level: defaulted(oneOf("error", "warn", "info", "debug", "trace"), {
    about: "Least severe messages to log.",
    expects: "error, warn, info, debug or trace",
    default: "info",
  }),
  ike_port: defaulted(integerFrom(1, 65_535), { about: "UDP port for IKE.", expects: "a port", default: "500" }),
  nat_port: defaulted(integerFrom(1, 65_535), { about: "UDP port for ESP, and for IKE beside it.", expects: "a port", default: "4500" }),
  max_sas_per_cpu: defaulted(integerFrom(4, 16_384), {
    about: "Room for Child SAs on each worker.",
    expects: "a whole number from 4 to 16384",
    default: "512",
  }),
  window_size: defaulted(integerFrom(1, 64), {
    about: "IKE requests that may be outstanding at a time, in each direction.",
    expects: "a whole number from 1 to 64",
    default: "16",
  }),
  fragment_size: defaulted(integerFrom(576, 65_535), {
    about: "Size of the IP datagrams, headers included, that longer IKE messages are fragmented into (RFC 7383).",
    expects: "a whole number from 576 to 65535",
    default: "1280",
  }),
  nat_keepalive: defaulted(parseDuration, {
    about: "Interval of keepalives when nothing else is sent; 0: none.",
    expects: DURATION,
    default: "20s",
  }),
  half_open_limit: defaulted(integerFrom(1, 1_000_000), {
    about: "IKE SAs that are not authenticated yet, beyond which new ones are ignored.",
    expects: "a whole number from 1 to 1000000",
    default: "1000",
  }),
  cookie_threshold: defaulted(integerFrom(0, 1_000_000), {
    about: "The same, beyond which a new peer must return a cookie first.",
    expects: "a whole number from 0 to 1000000",
    default: "30",
  }),
  per_source_limit: defaulted(integerFrom(1, 1_000_000), {
    about: "IKE SAs that are not authenticated yet, from one IPv4 address or one IPv6 /64; as many again before cookies are asked for.",
    expects: "a whole number from 1 to 1000000",
    default: "5",
  }),
  half_open_timeout: defaulted(parseDuration, { about: "How long an IKE SA may stay unauthenticated.", expects: DURATION, default: "30s" }),
  delete_grace: defaulted(parseDuration, {
    about: "How long a deleted Child SA still receives packets that were on their way.",
    expects: DURATION,
    default: "1s",
  }),
  cpu_queues_notify: defaulted(integerFrom(40_960, 65_535), {
    about: "Private-use number of the notify CPU_QUEUES, for the scheme cpu-queues; both ends must have the same.",
    expects: "a whole number from 40960 to 65535",
    default: "40970",
  }),
  cpu_queue_info_notify: defaulted(integerFrom(40_960, 65_535), {
    about: "The same of CPU_QUEUE_INFO.",
    expects: "a whole number from 40960 to 65535",
    default: "40971",
  }),
  retransmit: retransmitSchema.prefault({}),
});

export const configSchema = z.strictObject({
  connections: z.record(z.string(), connectionSchema).meta({ expects: "a mapping from the names of the connections to their settings" }),
  secrets: z.record(z.string(), secretSchema).prefault({}).meta({ expects: "a mapping from names such as ike-east to secrets" }),
  pools: z.record(z.string(), poolSchema).prefault({}).meta({ expects: "a mapping from names to pools of addresses" }),
  authorities: z.record(z.string(), authoritySchema).prefault({}).meta({ expects: "a mapping from names to authorities" }),
  daemon: daemonSchema.prefault({}),
});

/** The file after every text has been read, with defaults that depend on nothing else filled in. */
export type ConfigFile = z.output<typeof configSchema>;
export type ConnectionSection = z.output<typeof connectionSchema>;
export type ChildSection = z.output<typeof childSchema>;
export type SecretSection = z.output<typeof secretSchema>;
export type DaemonSection = z.output<typeof daemonSchema>;
