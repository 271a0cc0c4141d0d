/** Configuration payloads in the peer's requests, whichever exchange carries them (RFC 7296 §2.19, §2.20, §3.15): leases, and what goes with them. */
import {
  addressAttribute,
  addressesIn,
  applicationVersion,
  asksForDns,
  configurationOf,
  dnsAttribute,
  hasAttribute,
  subnetAttribute,
  supportedAttributes,
} from "../../wire/configuration.ts";
import { formatAddress, type AddressFamily } from "../../wire/address.ts";
import { ConfigurationAttribute, ConfigurationType, NotifyType } from "../../wire/iana/index.ts";
import { notify } from "../../wire/notify.ts";
import type { ConfigurationAttributeValue, CpPayload, Payload } from "../../wire/payload.ts";
import { NoAgreement } from "../errors.ts";
import { formatIdentity } from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import type { Lease } from "../leases.ts";

type Attributes = readonly ConfigurationAttributeValue[];

/** What we have an answer to. */
const SUPPORTED = [
  ConfigurationAttribute.INTERNAL_IP4_ADDRESS,
  ConfigurationAttribute.INTERNAL_IP4_DNS,
  ConfigurationAttribute.APPLICATION_VERSION,
  ConfigurationAttribute.INTERNAL_IP6_ADDRESS,
  ConfigurationAttribute.INTERNAL_IP6_DNS,
  ConfigurationAttribute.INTERNAL_IP4_SUBNET,
  ConfigurationAttribute.SUPPORTED_ATTRIBUTES,
  ConfigurationAttribute.INTERNAL_IP6_SUBNET,
];

export interface ConfigurationAnswer {
  /** CFG_REPLY or CFG_ACK, which go before the SA payload (§2.19). Nothing is sent that was not asked for. */
  readonly payloads: readonly CpPayload[];
  /** The peer asked for an address, and there is none: INTERNAL_ADDRESS_FAILURE, and no Child SA (§3.15.4). */
  readonly failure: NoAgreement | undefined;
}

/** Throws MalformedMessage for what {@link answerConfiguration} could not read: to be called before anything is made of the request. */
export function checkConfiguration(payloads: readonly Payload[]): void {
  const asked = configurationOf(payloads, ConfigurationType.CFG_REQUEST) ?? [];
  for (const family of [4, 6] as const) addressesIn(asked, family);
}

/** Leases what is asked for, once: who asks again on the same IKE SA is told the same. */
export function answerConfiguration(ikeSa: IkeSa, payloads: readonly Payload[]): ConfigurationAnswer {
  const asked = configurationOf(payloads, ConfigurationType.CFG_REQUEST);
  // §3.15.1: none of it is accepted.
  const isPushed = configurationOf(payloads, ConfigurationType.CFG_SET) !== undefined;
  const acknowledgement = isPushed ? [payloadOf(ConfigurationType.CFG_ACK, [])] : [];
  if (asked === undefined) return { payloads: acknowledgement, failure: undefined };
  const failure = lease(ikeSa, asked);
  if (failure !== undefined) return { payloads: acknowledgement, failure };
  return { payloads: [payloadOf(ConfigurationType.CFG_REPLY, reply(ikeSa, asked)), ...acknowledgement], failure };
}

/** For a request that is not about a Child SA besides. */
export function answerConfigurationAlone(ikeSa: IkeSa, request: readonly Payload[]): Payload[] {
  const { payloads, failure } = answerConfiguration(ikeSa, request);
  return [...payloads, ...(failure === undefined ? [] : [notify(failure.notifyType)])];
}

/** Throws NoAgreement: a connection with pools has no Child SA for a peer without an address of them (§2.19). */
export function requireLease({ config, configuration }: IkeSa): void {
  if (config === undefined || config.pools.length === 0 || configuration.leases.length > 0) return;
  throw new NoAgreement(
    NotifyType.FAILED_CP_REQUIRED,
    `the peer has not asked for an address, and ${config.name} has pools to give one from`,
  );
}

/** §3.15.4: a family that no pool is of is passed over, and failure is when no address at all can be assigned. */
function lease(ikeSa: IkeSa, asked: Attributes): NoAgreement | undefined {
  const { config, peers, configuration, services } = ikeSa;
  if (config === undefined || config.pools.length === 0 || peers === undefined) return undefined;
  const leases = [...configuration.leases];
  const missing: AddressFamily[] = [];
  const wanted = ([4, 6] as const).flatMap((family) =>
    addressesIn(asked, family)
      .slice(0, 1)
      .map((wish) => ({ family, wish })),
  );
  for (const { family, wish } of wanted) {
    if (leases.some(({ address }) => address.family === family)) continue;
    const found = services.leases.take(config.pools, family, peers.remoteId, wish?.value);
    if (found === undefined) missing.push(family);
    else leases.push(found);
  }
  announce(ikeSa, leases.slice(configuration.leases.length));
  ikeSa.configuration = { ...configuration, leases };
  const exhausted = missing.filter((family) => services.leases.has(config.pools, family));
  if (exhausted.length > 0) {
    const event = { connection: config.name, pools: config.pools, families: exhausted, remoteId: formatIdentity(peers.remoteId) };
    services.outputs.event({ kind: "poolExhausted", ...event });
  }
  if (wanted.length === 0 || leases.length > 0) return undefined;
  return new NoAgreement(
    NotifyType.INTERNAL_ADDRESS_FAILURE,
    `no pool of ${config.name} has an address for ${formatIdentity(peers.remoteId)}`,
  );
}

function announce(ikeSa: IkeSa, leases: readonly Lease[]): void {
  const remoteId = ikeSa.peers === undefined ? "" : formatIdentity(ikeSa.peers.remoteId);
  for (const { pool, address } of leases) {
    const text = formatAddress(address.family, address.value);
    ikeSa.services.outputs.event({ kind: "addressLeased", sa: ikeSa.ref, pool: pool.name, address: text, remoteId });
  }
}

/** With the addresses goes what their pools say of networks; DNS servers are for those who ask. */
function reply({ configuration: { leases }, services }: IkeSa, asked: Attributes): Attributes {
  const pools = leases.map(({ pool }) => pool);
  const dnsServers = new Map(pools.flatMap((pool) => pool.dnsServers.map((server) => [`${server.family}/${server.value}`, server])));
  const version = services.config.applicationVersion ?? "";
  return [
    ...leases.filter(({ address }) => addressesIn(asked, address.family).length > 0).map(({ address }) => addressAttribute(address)),
    ...[...dnsServers.values()].filter(({ family }) => asksForDns(asked, family)).map(dnsAttribute),
    ...pools.flatMap(({ subnets }) => subnets.map(subnetAttribute)),
    // §2.20: who will not tell returns an empty string.
    ...(hasAttribute(asked, ConfigurationAttribute.APPLICATION_VERSION) ? [applicationVersion(version)] : []),
    ...(hasAttribute(asked, ConfigurationAttribute.SUPPORTED_ATTRIBUTES) ? [supportedAttributes(SUPPORTED)] : []),
  ];
}

const payloadOf = (configType: number, attributes: Attributes): CpPayload => ({ type: "CP", configType, attributes });
