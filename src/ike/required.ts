/** Finding in a message what its exchange cannot do without. */
import { PeerMisbehaved } from "./errors.ts";
import type { Payload, PayloadOf } from "../wire/payload.ts";

/** The one payload of a type, or undefined. A second one is a syntax error (RFC 7296 §2.21): which of them would count? */
export function only<Type extends Payload["type"]>(payloads: readonly Payload[], type: Type): PayloadOf<Type> | undefined {
  const found = payloads.filter((payload): payload is PayloadOf<Type> => payload.type === type);
  if (found.length > 1) throw new PeerMisbehaved(`it sent ${found.length} ${type} payloads where one is allowed`);
  return found[0];
}

/** As {@link only}, for a payload that must be there. Throws PeerMisbehaved. */
export function required<Type extends Payload["type"]>(payloads: readonly Payload[], type: Type): PayloadOf<Type> {
  const found = only(payloads, type);
  if (found === undefined) throw new PeerMisbehaved(`it left out the ${type} payload`);
  return found;
}
