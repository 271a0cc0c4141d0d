/**
 * Selectors as they are configured: of addresses, or "dynamic", swanctl's word for the virtual address of that end, which is known only when it
 * has been assigned (RFC 7296 §2.19).
 */
import { addressBits, type Address, type AddressFamily } from "../wire/address.ts";
import { formatTrafficSelector, parsePrefix, type TrafficSelector } from "../wire/traffic-selector.ts";

/** The virtual address, for this protocol and these ports. */
export interface DynamicSelector extends Pick<TrafficSelector, "protocol" | "startPort" | "endPort"> {
  readonly dynamic: true;
}

export type ConfiguredSelector = TrafficSelector | DynamicSelector;

const DYNAMIC = "dynamic";

export const isDynamic = (selector: ConfiguredSelector): selector is DynamicSelector => "dynamic" in selector;

export const isStatic = (selector: ConfiguredSelector): selector is TrafficSelector => !isDynamic(selector);

/** As {@link parsePrefix}, or "dynamic" with perhaps a protocol and a port behind it: "dynamic[tcp/443]". Throws InvalidText. */
export function parseConfiguredSelector(text: string): ConfiguredSelector {
  const trimmed = text.trim();
  if (trimmed !== DYNAMIC && !trimmed.startsWith(`${DYNAMIC}[`)) return parsePrefix(trimmed);
  const { protocol, startPort, endPort } = parsePrefix(`0.0.0.0/0${trimmed.slice(DYNAMIC.length)}`);
  return { dynamic: true, protocol, startPort, endPort };
}

export function formatConfiguredSelector(selector: ConfiguredSelector): string {
  if (isStatic(selector)) return formatTrafficSelector(selector);
  return formatTrafficSelector({ ...selector, ...everything(4) }).replace(/^[^[]*/, DYNAMIC);
}

/** With every "dynamic" replaced by these addresses, one after the other; by nothing, if there are none. */
export function withAddresses(configured: readonly ConfiguredSelector[], addresses: readonly Address[]): TrafficSelector[] {
  return replaceDynamic(
    configured,
    addresses.map(({ family, value }) => ({ family, start: value, end: value })),
  );
}

/** With every "dynamic" standing for all addresses of these families: what is asked for as long as the address is not known (RFC 7296 §2.19). */
export function withAnyAddress(configured: readonly ConfiguredSelector[], families: readonly AddressFamily[]): TrafficSelector[] {
  return replaceDynamic(configured, families.map(everything));
}

type Range = Pick<TrafficSelector, "family" | "start" | "end">;

function replaceDynamic(configured: readonly ConfiguredSelector[], ranges: readonly Range[]): TrafficSelector[] {
  return configured.flatMap((selector) => {
    if (isStatic(selector)) return [selector];
    const { protocol, startPort, endPort } = selector;
    return ranges.map((range) => ({ ...range, protocol, startPort, endPort }));
  });
}

function everything(family: AddressFamily): Range {
  return { family, start: 0n, end: (1n << BigInt(addressBits(family))) - 1n };
}
