/** Numbers that say what an SA protects and what a selector selects. */
import { registry } from "./registry.ts";

/** RFC 7296 §3.3.1; 8 bits in proposals, notifies and deletes. */
export const ProtocolId = registry("IKEv2 Security Protocol Identifiers", 8, {
  /** Not an assignment: what a Notify carries that concerns no SA (RFC 7296 §3.10). */
  NONE: 0,
  IKE: 1,
  AH: 2,
  ESP: 3,
  FC_ESP_HEADER: 4,
  FC_CT_AUTHENTICATION: 5,
  /** RFC 9838 */
  GIKE_UPDATE: 6,
});

/** RFC 7296 §3.13.1; 8 bits. */
export const TrafficSelectorType = registry("IKEv2 Traffic Selector Types", 8, {
  TS_IPV4_ADDR_RANGE: 7,
  TS_IPV6_ADDR_RANGE: 8,
  TS_FC_ADDR_RANGE: 9,
  /** RFC 9478 */
  TS_SECLABEL: 10,
});

/** The few of "Protocol Numbers" that an IPsec gateway must tell apart; 8 bits in IP headers, ESP trailers and selectors. */
export const IpProtocol = registry("Protocol Numbers", 8, {
  HOPOPT: 0,
  ICMP: 1,
  IPV4: 4,
  TCP: 6,
  UDP: 17,
  DCCP: 33,
  IPV6: 41,
  IPV6_ROUTE: 43,
  IPV6_FRAG: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  IPV6_ICMP: 58,
  IPV6_NONXT: 59,
  IPV6_OPTS: 60,
  SCTP: 132,
  MOBILITY_HEADER: 135,
  UDPLITE: 136,
  HIP: 139,
  SHIM6: 140,
  /** RFC 9347 */
  AGGFRAG: 144,
});
