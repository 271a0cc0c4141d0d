/** What may be asked over the control socket, carried out on the endpoint. */
import { ikeSaId } from "../ike/command.ts";
import type { Command } from "../ike/command.ts";
import type { IkeEvent } from "../ike/events.ts";
import { childSaId } from "../ipsec/names.ts";
import type { ControlRequest, ControlResponse } from "./control/protocol.ts";
import type { EndpointDriver } from "./endpoint-driver.ts";
import type { DaemonStatus } from "./status.ts";

export interface OperationPorts {
  readonly driver: EndpointDriver;
  readonly status: () => DaemonStatus;
  readonly dataPlaneStatus: () => DaemonStatus["dataPlane"];
  /** Resolves when everything is closed and taken down. */
  readonly stop: () => Promise<void>;
}

export class Operations {
  readonly #ports: OperationPorts;
  /** Ends the wait of every `initiate` under way. */
  readonly #waiting = new Set<() => void>();

  constructor(ports: OperationPorts) {
    this.#ports = ports;
  }

  async handle(request: ControlRequest): Promise<ControlResponse> {
    switch (request.verb) {
      case "status":
        return { ok: true, result: this.#ports.status() };
      case "stats":
        return { ok: true, result: this.#ports.dataPlaneStatus() };
      case "initiate":
        return this.#initiate(request);
      case "terminate": {
        const { connection, child } = request;
        const what = child === undefined ? connection : `${connection}/${child}`;
        return this.#begin({ verb: "terminate", target: { connection, ...(child !== undefined && { child }) } }, `Closing ${what}.`);
      }
      case "terminate-ike":
        return this.#begin({ verb: "terminate", target: { ikeSa: ikeSaId(request.ikeSa) } }, `Closing IKE SA #${request.ikeSa}.`);
      case "terminate-child":
        return this.#begin({ verb: "terminate", target: { childSa: childSaId(request.childSa) } }, `Closing Child SA #${request.childSa}.`);
      case "rekey-ike":
        return this.#begin({ verb: "rekey", target: { ikeSa: ikeSaId(request.ikeSa) } }, `Rekeying IKE SA #${request.ikeSa}.`);
      case "rekey-child":
        return this.#begin({ verb: "rekey", target: { childSa: childSaId(request.childSa) } }, `Rekeying Child SA #${request.childSa}.`);
      case "down":
        await this.#ports.stop();
        return { ok: true, result: { text: "The daemon has ended." } };
    }
  }

  /** Answers all who still wait: the daemon ends. */
  abandon(): void {
    for (const giveUp of this.#waiting) giveUp();
  }

  #begin(command: Command, text: string): ControlResponse {
    const result = this.#ports.driver.command(command);
    return result.ok ? { ok: true, result: { text } } : { ok: false, error: result.reason };
  }

  /** Waits, when asked to, until the children (without any, the IKE SA) are up or it is known that they will not be. */
  async #initiate(request: Extract<ControlRequest, { verb: "initiate" }>): Promise<ControlResponse> {
    const { connection, child, wait = 0 } = request;
    const what = child === undefined ? connection : `${connection}/${child}`;
    const command: Command = { verb: "initiate", connection, ...(child !== undefined && { child }) };
    if (wait === 0 || this.#isUp(connection, child)) return this.#begin(command, `Bringing up ${what}.`);
    return new Promise((resolve) => {
      const finish = (response: ControlResponse): void => {
        clearTimeout(timer);
        stopListening();
        this.#waiting.delete(giveUp);
        resolve(response);
      };
      const timer = setTimeout(
        () => finish(refusal(`${what} is not up after ${wait / 1000} s; hawser status says how far it came.`)),
        wait,
      );
      const giveUp = (): void => finish(refusal("The daemon is ending."));
      this.#waiting.add(giveUp);
      const stopListening = this.#ports.driver.listen((event) => {
        const failure = failureIn(event, connection, child);
        if (failure !== undefined) finish(refusal(failure));
        else if ((event.kind === "childUp" || event.kind === "ikeUp") && this.#isUp(connection, child))
          finish({ ok: true, result: { text: `${what} is up.` } });
      });
      const begun = this.#ports.driver.command(command);
      if (!begun.ok) finish(refusal(begun.reason));
    });
  }

  /** Every child has a Child SA; without children, there is an IKE SA. A name that is not configured is the endpoint's to refuse. */
  #isUp(name: string, child: string | undefined): boolean {
    const { connections, childSas } = this.#ports.driver.status();
    const connection = connections.find((each) => each.name === name);
    if (connection === undefined) return false;
    const children = child === undefined ? connection.children : [child];
    if (children.length === 0) return connection.state === "up";
    return children.every((each) => childSas.some((sa) => sa.connection === name && sa.child === each));
  }
}

const refusal = (error: string): ControlResponse => ({ ok: false, error });

/** Why what was asked for will not come up, where an event says so. */
function failureIn(event: IkeEvent, connection: string, child: string | undefined): string | undefined {
  if (!("connection" in event) || event.connection !== connection) return undefined;
  switch (event.kind) {
    case "connectionFailed":
    case "authFailed":
      return event.text;
    case "peerRefused":
      return event.child === undefined || child === undefined || event.child === child
        ? `The peer refused with ${event.notify}: ${event.text}`
        : undefined;
    default:
      return undefined;
  }
}
