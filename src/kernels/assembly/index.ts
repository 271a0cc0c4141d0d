// The packet path's inner loops, compiled to WASM SIMD by scripts/build.sh. Everything the TypeScript side calls is exported here; the
// declarations are in ../kernels.ts.
export { copySum, pseudoHeader, sum } from "./checksum";
export { configureBase, configureInbound, configureJobs, configureMessages, configureOutbound } from "./context";
export { parseIp } from "./ip-header";
export { configureSpd, spdChanged } from "./spd";
export { classify } from "./classify";
export { beginOutbound, encap, jobsSealed } from "./encap";
export { buildMessages } from "./transmit";
export { configureSad, findInbound, insertInbound, removeInbound } from "./sad";
export { replayCheck, replayCommit } from "./replay";
export { configureReceive, inspectMessage, resetReceive } from "./receive";
export { beginInbound, configureSteering, finish, foreignTaken, prepare } from "./decap";
export { configureRebuilding } from "./transport-mode";
export { configureCoalescing, join } from "./coalesce";
