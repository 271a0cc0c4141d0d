/**
 * A data plane in memory: applies SADB messages, refuses those that a real one could not carry out, and moves imaginary packets. A packet
 * here is an SPI and a key; it arrives if the other end has the very same pair installed at that moment.
 */
import assert from "node:assert/strict";
import type { ChildSaId, CpuIndex, EspSpi, PolicyId } from "../../../src/ipsec/names.ts";
import type {
  FlowKey,
  InboundSaSpec,
  OutboundEntry,
  OutboundSaSpec,
  PolicySpec,
  SadbEvent,
  SadbMessage,
  SaUsage,
} from "../../../src/ipsec/sadb.ts";
import { matches } from "../../../src/ipsec/selectors.ts";
import { parseAddress } from "../../../src/wire/traffic-selector.ts";
import { toHex } from "../../../src/wire/octets.ts";

/** What goes over the wire for one packet. */
export interface Sealed {
  readonly spi: EspSpi;
  readonly key: string;
  readonly flow: FlowKey;
  readonly sa: ChildSaId;
}

export type SendResult =
  | { readonly kind: "sealed"; readonly packet: Sealed; readonly by: OutboundEntry["kind"] }
  | { readonly kind: "dropped"; readonly why: string };

interface Installed<Spec> {
  readonly spec: Spec;
  readonly key: string;
}

export class MemoryDataPlane {
  readonly inbound = new Map<EspSpi, Installed<InboundSaSpec>>();
  readonly outbound = new Map<ChildSaId, Installed<OutboundSaSpec>>();
  readonly policies = new Map<PolicyId, PolicySpec>();
  readonly entries = new Map<PolicyId, Map<CpuIndex, OutboundEntry>>();
  readonly usage = new Map<ChildSaId, { packetsIn: number; packetsOut: number }>();
  /** ACQUIREs raised by packets, to be taken by the host. */
  readonly raised: SadbEvent[] = [];
  readonly log: SadbMessage[] = [];

  apply(message: SadbMessage): void {
    this.log.push(message);
    switch (message.verb) {
      case "addPolicy":
        assert.ok(!this.policies.has(message.policy.id), "a policy is added twice");
        this.policies.set(message.policy.id, message.policy);
        this.entries.set(message.policy.id, new Map());
        return;
      case "removePolicy":
        assert.ok(this.policies.delete(message.policyId), "a policy is removed that is not there");
        this.entries.delete(message.policyId);
        return;
      case "addInbound":
        assert.ok(!this.inbound.has(message.sa.spi), "two inbound SAs with one SPI");
        assert.ok(this.policies.has(message.sa.policyId), "an SA before its policy");
        this.inbound.set(message.sa.spi, { spec: message.sa, key: toHex(message.sa.keymat) });
        this.usage.set(message.sa.id, { packetsIn: 0, packetsOut: 0 });
        return;
      case "addOutbound":
        assert.ok(!this.outbound.has(message.sa.id), "an outbound SA is added twice");
        assert.ok(
          [...this.inbound.values()].some(({ spec }) => spec.id === message.sa.id),
          "outbound before inbound",
        );
        this.outbound.set(message.sa.id, { spec: message.sa, key: toHex(message.sa.keymat) });
        return;
      case "removeInbound":
        assert.equal(this.inbound.get(message.spi)?.spec.id, message.id, "an inbound SA is removed that is not there");
        this.inbound.delete(message.spi);
        if (!this.outbound.has(message.id)) this.usage.delete(message.id);
        return;
      case "removeOutbound":
        assert.ok(this.outbound.delete(message.id), "an outbound SA is removed that is not there");
        if (![...this.inbound.values()].some(({ spec }) => spec.id === message.id)) this.usage.delete(message.id);
        for (const entries of this.entries.values()) {
          for (const entry of entries.values())
            assert.ok(!("sa" in entry) || entry.sa !== message.id, `an entry still points at SA ${message.id}`);
        }
        return;
      case "setEntry":
        this.#setEntry(message.policyId, message.cpu, message.entry);
        return;
      case "updateAddresses":
        assert.ok(this.usage.has(message.id), "the address of an unknown SA is changed");
        return;
    }
  }

  #setEntry(policyId: PolicyId, cpu: CpuIndex, entry: OutboundEntry): void {
    const entries = this.entries.get(policyId);
    assert.ok(entries !== undefined, "an entry for a policy that is not there");
    if ("sa" in entry) {
      const outbound = this.outbound.get(entry.sa);
      assert.ok(outbound !== undefined, `an entry points at SA ${entry.sa}, which is not there`);
      if (entry.kind === "own") assert.equal(outbound.spec.cpu, cpu, "an own SA of another CPU");
      if (entry.kind === "stub") assert.equal(outbound.spec.cpu, entry.owner, "a stub to the wrong owner");
      if (entry.kind === "shared") assert.ok(outbound.spec.shared, "an SA is shared that must not be");
    }
    entries.set(cpu, entry);
  }

  entry(policyId: PolicyId, cpu: CpuIndex): OutboundEntry | undefined {
    return this.entries.get(policyId)?.get(cpu);
  }

  /** A packet from a sender on `cpu`. */
  send(cpu: CpuIndex, flow: FlowKey): SendResult {
    const policy = this.#lookUp(flow);
    if (policy === undefined) return { kind: "dropped", why: "OutNoPols" };
    const entries = this.entries.get(policy.id);
    const entry = entries?.get(cpu);
    if (entry === undefined) return { kind: "dropped", why: "OutNoStates" };
    if (entry.kind !== "own" && entry.ask) {
      entries?.set(cpu, { ...entry, ask: false });
      this.raised.push({ verb: "acquire", policyId: policy.id, cpu, flow });
    }
    const outbound = "sa" in entry ? this.outbound.get(entry.sa) : undefined;
    if (outbound === undefined) return { kind: "dropped", why: "OutNoStates" };
    const { id, spi } = outbound.spec;
    const usage = this.usage.get(id);
    if (usage !== undefined) usage.packetsOut++;
    return { kind: "sealed", packet: { spi, key: outbound.key, flow, sa: id }, by: entry.kind };
  }

  /** A packet from the network: the reason of a drop, or undefined. */
  receive(packet: Sealed): string | undefined {
    const inbound = this.inbound.get(packet.spi);
    if (inbound === undefined) return "InNoStates";
    if (inbound.key !== packet.key) return "InStateProtoError";
    const { sourceAddress, destinationAddress, sourcePort, destinationPort, protocol } = packet.flow;
    const isSelected =
      matches(inbound.spec.remoteTs, {
        ...parseAddress(sourceAddress),
        address: parseAddress(sourceAddress).value,
        protocol,
        port: sourcePort,
      }) &&
      matches(inbound.spec.localTs, {
        ...parseAddress(destinationAddress),
        address: parseAddress(destinationAddress).value,
        protocol,
        port: destinationPort,
      });
    if (!isSelected) return "InTmplMismatch";
    const usage = this.usage.get(inbound.spec.id);
    if (usage !== undefined) usage.packetsIn++;
    return undefined;
  }

  readings(): SaUsage[] {
    return [...this.usage].map(([id, { packetsIn, packetsOut }]) => ({
      id,
      packetsIn,
      packetsOut,
      bytesIn: 100 * packetsIn,
      bytesOut: 100 * packetsOut,
    }));
  }

  #lookUp(flow: FlowKey): PolicySpec | undefined {
    const local = parseAddress(flow.sourceAddress);
    const remote = parseAddress(flow.destinationAddress);
    return [...this.policies.values()]
      .sort((a, b) => a.priority - b.priority || a.id - b.id)
      .find(
        ({ localTs, remoteTs }) =>
          matches(localTs, { family: local.family, address: local.value, protocol: flow.protocol, port: flow.sourcePort }) &&
          matches(remoteTs, { family: remote.family, address: remote.value, protocol: flow.protocol, port: flow.destinationPort }),
      );
  }
}
