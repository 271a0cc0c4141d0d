/** Virtual addresses in the configuration: pools, and what "dynamic" needs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/daemon/config/load.ts";
import { ConfigError } from "../../../src/daemon/config/problems.ts";
import { formatAddress } from "../../../src/wire/address.ts";

interface Lines {
  readonly connection?: string;
  readonly local?: string;
  readonly remote?: string;
  readonly child?: string;
  readonly more?: string;
}

/** Line 3 is the connection's own, 6 and 7 are the selectors, 8 is the child's own; `more` begins with line 11. */
const text = ({
  connection = "mobike: yes",
  local = "10.1.0.0/16",
  remote = "10.2.0.0/16",
  child = "copy_ecn: yes",
  more = "",
}: Lines): string =>
  `connections:
  west:
    ${connection}
    children:
      net:
        local_ts: ${local}
        remote_ts: ${remote}
        ${child}
    remote_addrs: 192.0.2.2
secrets: { ike: { secret: correct horse battery staple } }
${more}`.replace("    children", "    local: { id: west.example }\n    children");

function problems(lines: Lines): string {
  try {
    parseConfig("h.yaml", text(lines));
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "";
}

const POOL = "pools: { clients: { addrs: 10.9.0.0/24 } }";

test("a prefix is given out without its first and last address, a range as it stands", () => {
  for (const [addrs, first, last] of [
    ["10.9.0.0/24", "10.9.0.1", "10.9.0.254"],
    ["10.9.0.7/24", "10.9.0.1", "10.9.0.254"],
    ["10.9.0.0/31", "10.9.0.0", "10.9.0.1"],
    ["10.9.0.4", "10.9.0.4", "10.9.0.4"],
    ["10.9.0.10-10.9.0.99", "10.9.0.10", "10.9.0.99"],
    ["fd09::/64", "fd09::1", "fd09::ffff:ffff:ffff:fffe"],
  ]) {
    const { endpoint } = parseConfig("h.yaml", text({ more: `pools: { clients: { addrs: "${addrs}" } }` }));
    const range = endpoint.pools[0]?.range;
    assert.ok(range !== undefined);
    assert.deepEqual([formatAddress(range.family, range.start), formatAddress(range.family, range.end)], [first, last]);
  }
});

test("both ends of remote access are taken without a warning", () => {
  const asking = { connection: 'vips: "0.0.0.0, ::"', local: "dynamic", remote: "10.2.0.0/16, fd02::/32", child: "start_action: start" };
  assert.deepEqual(parseConfig("h.yaml", text(asking)).warnings, []);
  const giving = { connection: "pools: clients", remote: "dynamic[tcp]", more: POOL };
  assert.deepEqual(parseConfig("h.yaml", text(giving)).warnings, []);
});

test("each mistake is told with its line, its key, and what would be right", () => {
  const cases: [Lines, RegExp][] = [
    [{ local: "dynamic" }, /^h\.yaml:7: .*children\.net\.local_ts: "dynamic" is the address that the peer gives us; say with vips/m],
    [{ remote: "dynamic" }, /^h\.yaml:8: .*children\.net\.remote_ts: "dynamic" is the address that the peer gets from us; say with pools/m],
    [{ connection: "pools: client", more: POOL }, /^h\.yaml:3: connections\.west\.pools: There is no pool "client"; there are clients\.$/m],
    [{ connection: "pools: client" }, /There is no pool "client"; add it to "pools"\.$/m],
    [{ connection: "vips: [0.0.0.0, 10.9.0.1]" }, /^h\.yaml:3: connections\.west\.vips: One address of each family can be asked for/m],
    [{ connection: "vips: any" }, /^h\.yaml:3: connections\.west\.vips\[0\]: "any" is not an IP address\.$/m],
    [
      { connection: "pools: clients", remote: "dynamic", child: "start_action: trap", more: POOL },
      /^h\.yaml:9: .*start_action: "trap" cannot be here: a peer has its virtual address only when it has begun itself; use none\.$/m,
    ],
    [{ connection: "vips: 0.0.0.0", local: "dynamic", remote: "fd02::/32" }, /No packet can go from local_ts to remote_ts/],
    [
      { more: "pools: { a: { addrs: 10.9.0.0/24 }, b: { addrs: 10.9.0.128/25 } }" },
      /pools\.b\.addrs: These addresses overlap with those of the pool a/,
    ],
    [{ more: "pools: { a: { dns: 10.2.0.53 } }" }, /pools\.a\.addrs: This key is missing; it must be a prefix such as/],
    [{ more: 'pools: { a: { addrs: "10.9.0.0/24[tcp]" } }' }, /pools\.a\.addrs: .* has a protocol; here only addresses can stand/],
    [{ more: "pools: { a: { addrs: 10.9.0.0/24, subnet: 10.2.0.1-10.2.0.9 } }" }, /pools\.a\.subnet\[0\]: .* is not one prefix/],
    [
      { more: `${POOL}\ndaemon: { tun: { addresses: 10.9.0.1 } }` },
      /pools\.clients\.addrs: 10\.9\.0\.1 in daemon\.tun\.addresses is one of these, and could be given to a peer; leave it out of the range\.$/m,
    ],
    [{ more: 'daemon: { application_version: "Häwser" }' }, /application_version: "Häwser" must be up to 255 printable ASCII characters/],
  ];
  for (const [lines, expected] of cases) assert.match(problems(lines), expected);
});

test("a trap that waits for the virtual address with a packet is warned of", () => {
  const { warnings } = parseConfig("h.yaml", text({ connection: "vips: 0.0.0.0", local: "dynamic", child: "start_action: trap" }));
  assert.match(warnings.join("\n"), /^The child west\/net waits for a packet \(trap\).* start_action: start is better\.$/);
});
