import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as iana from "../../../src/wire/iana/index.ts";
import { IANA_TABLES } from "../iana-tables.ts";

const { IpProtocol } = iana;
const registries = Object.values(iana)
  .filter((value) => typeof value !== "function")
  .filter((registry) => registry !== IpProtocol);

const table = (title: string): [string, number][] =>
  (IANA_TABLES[title] ?? "")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(" "))
    .map(([value, name]) => [name ?? "", Number(value)]);

describe("IANA registries", () => {
  for (const registry of registries) {
    it(`${registry.title} agrees with IANA's table`, () => {
      assert.deepEqual(registry.entries(), table(registry.title));
    });
  }

  it("has no registry without a table and no table without a registry", () => {
    assert.deepEqual(registries.map(({ title }) => title).sort(), Object.keys(IANA_TABLES).sort());
  });

  it("knows the protocol numbers of RFC 5237, RFC 8200 and RFC 9347", () => {
    assert.deepEqual(
      [
        IpProtocol.ICMP,
        IpProtocol.TCP,
        IpProtocol.UDP,
        IpProtocol.IPV6,
        IpProtocol.ESP,
        IpProtocol.AH,
        IpProtocol.IPV6_ICMP,
        IpProtocol.SCTP,
      ],
      [1, 6, 17, 41, 50, 51, 58, 132],
    );
    assert.deepEqual(
      [IpProtocol.HOPOPT, IpProtocol.IPV6_ROUTE, IpProtocol.IPV6_FRAG, IpProtocol.IPV6_NONXT, IpProtocol.IPV6_OPTS, IpProtocol.AGGFRAG],
      [0, 43, 44, 59, 60, 144],
    );
  });
});
