import { writeFileSync } from "node:fs";
import { enterFreshNamespace } from "../../src/host/linux/namespaces.ts";

/**
 * Puts this test process into a network namespace of its own, which goes with the process, however that ends. Without the privilege the tests that
 * need one are skipped, with the reason.
 */
export function ownNamespace(): { skip: string | false } {
  try {
    enterFreshNamespace();
    return { skip: false };
  } catch (error) {
    return { skip: error instanceof Error ? error.message : String(error) };
  }
}

/** No router solicitations or listener reports on devices made from now on: for tests that count packets. */
export function silenceIpv6(): void {
  writeFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}
