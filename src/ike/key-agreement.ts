/** Key exchange with a public value that a peer sent: what it may do wrong is the peer's fault, not ours. */
import { InvalidKeyExchange } from "../crypto/key-exchange.ts";
import { PeerMisbehaved } from "./errors.ts";

/** Runs `agree`; a public value that is no such thing becomes PeerMisbehaved, with InvalidKeyExchange for its cause. */
export function agreeOnSecret<Result>(agree: () => Result): Result {
  try {
    return agree();
  } catch (error) {
    if (error instanceof InvalidKeyExchange) throw new PeerMisbehaved(`its public value is invalid: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether `error` is about a public value, and so came after the work of a key exchange. */
export const isBadPublicValue = (error: unknown): boolean => error instanceof PeerMisbehaved && error.cause instanceof InvalidKeyExchange;
