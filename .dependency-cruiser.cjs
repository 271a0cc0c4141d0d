/** Imports only go down the layers (ARCHITECTURE.md): for each room, the rooms it may import. */
const MAY_IMPORT = {
  wire: [],
  crypto: ["wire"],
  pki: ["wire", "crypto"],
  ipsec: ["wire"],
  multisa: ["ipsec"],
  ike: ["wire", "crypto", "pki", "ipsec", "multisa"],
  kernels: [],
  host: [],
  dataplane: ["wire", "ipsec", "host", "kernels"],
  daemon: ["wire", "crypto", "pki", "ipsec", "multisa", "ike", "kernels", "host", "dataplane"],
  cli: ["daemon", "host"],
  demo: ["daemon", "host", "cli"],
};

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    ...Object.entries(MAY_IMPORT).map(([room, rooms]) => ({
      name: `${room}-imports-down`,
      comment: `src/${room} may import only: ${rooms.join(", ") || "nothing"}`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: `^src/(${[room, ...rooms].join("|")})/` },
    })),
    {
      name: "crypto-owns-node-crypto",
      comment: "node:crypto is imported by src/crypto, the node cipher engine, and the host's entropy only",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(crypto|dataplane/engines|host)/" },
      to: { path: "^(node:)?crypto$" },
    },
    {
      name: "koffi-owned-by-host",
      comment: "foreign calls live in src/host/linux and in the cipher engines",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(host/linux|dataplane/engines)/" },
      to: { path: "koffi" },
    },
  ],
  options: { doNotFollow: { path: "node_modules" }, tsConfig: { fileName: "tsconfig.json" }, tsPreCompilationDeps: true },
};
