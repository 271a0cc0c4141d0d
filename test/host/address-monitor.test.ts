import { strict as assert } from "node:assert";
import { it } from "node:test";
import { AddressMonitor } from "../../src/host/linux/address-monitor.ts";
import { Network } from "../../src/host/linux/network.ts";
import { Iproute } from "../../src/host/linux/iproute.ts";
import { ownNamespace } from "./privileges.ts";

const privileged = ownNamespace();

it("tells that addresses have come or gone, once for all that happened, IPv4 and IPv6", privileged, () => {
  const network = new Network();
  const monitor = new AddressMonitor();
  try {
    assert.equal(monitor.hasChanged(), false);
    network.addAddress("lo", "192.0.2.7/32");
    network.addAddress("lo", "192.0.2.8/32");
    assert.equal(monitor.hasChanged(), true);
    assert.equal(monitor.hasChanged(), false);
    network.addAddress("lo", "2001:db8::7/128");
    assert.equal(monitor.hasChanged(), true);
    new Iproute().run("take it away", "address", "delete", "192.0.2.7/32", "dev", "lo");
    assert.equal(monitor.hasChanged(), true);
    assert.equal(monitor.hasChanged(), false);
  } finally {
    monitor.close();
  }
});
