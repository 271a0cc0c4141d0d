/** Configurations of two hosts that get on with each other, to be changed where a test is about the change. */
import { parseProposal } from "../../../src/crypto/algorithms.ts";
import {
  DEFAULT_CHILD_SETTINGS,
  DEFAULT_CONNECTION_SETTINGS,
  DEFAULT_ENDPOINT_SETTINGS,
  type ChildConfig,
  type ConnectionConfig,
  type EndpointConfig,
} from "../../../src/ike/config.ts";
import { parseIdentity } from "../../../src/ike/identity.ts";
import type { Proposal } from "../../../src/wire/proposal.ts";
import { parsePrefix } from "../../../src/wire/traffic-selector.ts";

export const LEFT_ADDRESS = "192.0.2.1";
export const RIGHT_ADDRESS = "192.0.2.2";
export const LEFT_NET = "10.1.0.0/16";
export const RIGHT_NET = "10.2.0.0/16";

export type Side = "left" | "right";

export interface Overrides {
  readonly endpoint?: Partial<EndpointConfig>;
  readonly connection?: Partial<ConnectionConfig>;
  readonly child?: Partial<ChildConfig>;
  readonly secret?: string;
}

export const ikeProposals = (...texts: string[]): Proposal[] => texts.map((text) => parseProposal(text, "IKE"));
export const espProposals = (...texts: string[]): Proposal[] => texts.map((text) => parseProposal(text, "ESP"));

export function childConfig(side: Side, overrides: Partial<ChildConfig> = {}): ChildConfig {
  const [own, other] = side === "left" ? [LEFT_NET, RIGHT_NET] : [RIGHT_NET, LEFT_NET];
  return {
    ...DEFAULT_CHILD_SETTINGS,
    name: "net",
    localTs: [parsePrefix(own)],
    remoteTs: [parsePrefix(other)],
    espProposals: espProposals("aes128gcm16-noesn"),
    rekeyTime: Infinity,
    lifeTime: Infinity,
    ...overrides,
  };
}

/** No rekeying by time, no DPD, no MOBIKE: tests that want them say so. */
export function endpointConfig(side: Side, { endpoint, connection, child, secret = "a shared secret" }: Overrides = {}): EndpointConfig {
  const [own, other] = side === "left" ? ["left", "right"] : ["right", "left"];
  const [ownAddress, otherAddress] = side === "left" ? [LEFT_ADDRESS, RIGHT_ADDRESS] : [RIGHT_ADDRESS, LEFT_ADDRESS];
  const connectionConfig: ConnectionConfig = {
    ...DEFAULT_CONNECTION_SETTINGS,
    name: "tunnel",
    localAddrs: [ownAddress],
    remoteAddrs: [otherAddress],
    proposals: ikeProposals("aes128gcm16-prfsha256-x25519"),
    local: { auth: "psk", id: parseIdentity(`${own}.example`) },
    remote: { auth: "psk", id: parseIdentity(`${other}.example`) },
    children: [childConfig(side, child)],
    rekeyTime: Infinity,
    overTime: Infinity,
    mobike: false,
    ...connection,
  };
  return {
    ...DEFAULT_ENDPOINT_SETTINGS,
    secrets: [{ name: "ike", ids: [], secret: new TextEncoder().encode(secret) }],
    connections: [connectionConfig],
    ...endpoint,
  };
}
