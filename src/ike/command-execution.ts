/** Commands of the operator. Each is begun or refused at once; how it goes on is told by events. */
import type { Command, CommandResult, TerminateTarget } from "./command.ts";
import type { Connection } from "./connection.ts";
import type { EndpointCore } from "./endpoint-core.ts";
import { assertNever } from "./errors.ts";
import { closeChild } from "./exchanges/delete-child.ts";
import { closeIkeSa } from "./exchanges/delete-ike.ts";
import type { IkeSa } from "./ike-sa.ts";

/** After this many milliseconds a shutdown does not wait for answers any more. */
const SHUTDOWN_PATIENCE = 5000;

const DONE: CommandResult = { ok: true };
const refuse = (reason: string): CommandResult => ({ ok: false, reason });

export function carryOut(core: EndpointCore, command: Command, now: number): CommandResult {
  switch (command.verb) {
    case "initiate":
      return initiate(core, command.connection, command.child, now);
    case "terminate":
      return terminate(core, command.target, now);
    case "rekey":
      return rekey(core, command.target, now);
    case "shutdown":
      return shutDown(core, now);
    case "flush":
      for (const ikeSa of core.registry.ikeSas) ikeSa.destroy("forgotten on command", "local", now);
      core.tombstones.clear();
      return DONE;
    default:
      return assertNever(command);
  }
}

function initiate(core: EndpointCore, name: string, childName: string | undefined, now: number): CommandResult {
  if (core.isShuttingDown) return refuse("The endpoint is shutting down.");
  const connection = core.registry.connections.get(name);
  if (connection === undefined) return unknownConnection(core, name);
  const children = connection.config.children.filter(({ name: each }) => childName === undefined || each === childName);
  if (children.length === 0 && childName !== undefined) return refuse(`Connection ${name} has no child ${childName}.`);
  connection.initiate(children, now);
  return DONE;
}

function terminate(core: EndpointCore, target: TerminateTarget, now: number): CommandResult {
  if ("ikeSa" in target) {
    const ikeSa = core.registry.byId(target.ikeSa);
    if (ikeSa === undefined) return refuse(`There is no IKE SA ${target.ikeSa}.`);
    // Its successor has all that it had; and a peer that has not heard of that yet would take this for the end of everything.
    if (ikeSa.state.kind === "REKEYED") return refuse(`IKE SA ${target.ikeSa} has been replaced and is about to go.`);
    closeIkeSa(ikeSa, "terminated on command", now);
    return DONE;
  }
  if ("childSa" in target) {
    const known = core.registry.child(target.childSa);
    if (known === undefined) return refuse(`There is no Child SA ${target.childSa}.`);
    closeChild(known.ikeSa, known.child, "terminated on command", now);
    return DONE;
  }
  const connection = core.registry.connections.get(target.connection);
  if (connection === undefined) return unknownConnection(core, target.connection);
  return target.child === undefined ? terminateConnection(core, connection, now) : terminateChild(core, connection, target.child, now);
}

function terminateConnection(core: EndpointCore, connection: Connection, now: number): CommandResult {
  connection.abandon();
  for (const ikeSa of ikeSasOf(core, connection)) closeIkeSa(ikeSa, "terminated on command", now);
  return DONE;
}

function terminateChild(core: EndpointCore, connection: Connection, childName: string, now: number): CommandResult {
  const closing = ikeSasOf(core, connection).flatMap((ikeSa) =>
    [...ikeSa.children.values()].filter(({ parameters }) => parameters.config.name === childName).map((child) => ({ ikeSa, child })),
  );
  if (closing.length === 0) return refuse(`Connection ${connection.config.name} has no Child SA for ${childName}.`);
  for (const { ikeSa, child } of closing) closeChild(ikeSa, child, "terminated on command", now);
  return DONE;
}

function rekey(core: EndpointCore, target: Extract<Command, { verb: "rekey" }>["target"], now: number): CommandResult {
  if ("ikeSa" in target) {
    const ikeSa = core.registry.byId(target.ikeSa);
    if (ikeSa?.state.kind !== "ESTABLISHED") return refuse(`There is no IKE SA ${target.ikeSa} that could be rekeyed now.`);
    core.ikeLifecycle.rekey(ikeSa, now);
    return DONE;
  }
  const child = core.registry.child(target.childSa)?.child;
  if (child?.state.kind !== "INSTALLED") return refuse(`There is no Child SA ${target.childSa} that could be rekeyed now.`);
  core.childLifecycle.rekey(child, now);
  return DONE;
}

function shutDown(core: EndpointCore, now: number): CommandResult {
  if (core.isShuttingDown) return refuse("The endpoint is shutting down already.");
  core.isShuttingDown = true;
  for (const connection of core.registry.connections.values()) {
    connection.abandon();
    connection.removeTraps();
  }
  if (core.registry.isEmpty) core.services.outputs.event({ kind: "done" });
  for (const ikeSa of core.registry.ikeSas) closeIkeSa(ikeSa, "the endpoint is shutting down", now);
  core.services.timers.schedule(now + SHUTDOWN_PATIENCE, "shutdown", (at) => {
    for (const ikeSa of core.registry.ikeSas) ikeSa.destroy("the peer did not confirm in time", "local", at);
  });
  return DONE;
}

function ikeSasOf(core: EndpointCore, { config }: Connection): IkeSa[] {
  return core.registry.ikeSas.filter((ikeSa) => ikeSa.config?.name === config.name);
}

function unknownConnection(core: EndpointCore, name: string): CommandResult {
  const known = [...core.registry.connections.keys()].join(", ");
  return refuse(`There is no connection "${name}"; configured are: ${known === "" ? "none" : known}.`);
}
