/** What is said over the control socket: one JSON object a line, a request and then its answer, in order. */
import { z } from "zod";
import type { DaemonStatus } from "../status.ts";

const name = z.string().min(1).max(256);
const id = z.int().nonnegative();
/** Milliseconds. */
const wait = z.int().min(0).max(600_000);

export const requestSchema = z.discriminatedUnion("verb", [
  z.strictObject({ verb: z.literal("status") }),
  z.strictObject({ verb: z.literal("stats") }),
  z.strictObject({ verb: z.literal("initiate"), connection: name, child: name.optional(), wait: wait.optional() }),
  z.strictObject({ verb: z.literal("terminate"), connection: name, child: name.optional() }),
  z.strictObject({ verb: z.literal("terminate-ike"), ikeSa: id }),
  z.strictObject({ verb: z.literal("terminate-child"), childSa: id }),
  z.strictObject({ verb: z.literal("rekey-ike"), ikeSa: id }),
  z.strictObject({ verb: z.literal("rekey-child"), childSa: id }),
  z.strictObject({ verb: z.literal("down") }),
]);

export type ControlRequest = z.output<typeof requestSchema>;

/** What a verb answers when it went well. */
export interface ControlResults {
  readonly status: DaemonStatus;
  /** The counters alone: cheap enough to be asked for many times a second. */
  readonly stats: DaemonStatus["dataPlane"];
  readonly initiate: { readonly text: string };
  readonly terminate: { readonly text: string };
  readonly "terminate-ike": { readonly text: string };
  readonly "terminate-child": { readonly text: string };
  readonly "rekey-ike": { readonly text: string };
  readonly "rekey-child": { readonly text: string };
  /** Comes when everything is closed and taken down. */
  readonly down: { readonly text: string };
}

export type ControlResponse<Verb extends ControlRequest["verb"] = ControlRequest["verb"]> =
  { readonly ok: true; readonly result: ControlResults[Verb] } | { readonly ok: false; readonly error: string };

/** Octets of a request line; a longer one is refused and its connection closed. */
export const MAX_REQUEST_LENGTH = 16 * 1024;

/** @returns the request, or a sentence that says what is wrong with it */
export function parseRequest(line: string): ControlRequest | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "The request is not JSON.";
  }
  const parsed = requestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.path[0] === "verb" || issue?.path.length === 0) {
    const verbs = requestSchema.options.map(({ shape }) => shape.verb.value).join(", ");
    return `The request must be a JSON object whose "verb" is one of ${verbs}, and no keys that the verb does not know.`;
  }
  return `The request's "${issue?.path.join(".") ?? ""}" is wrong: ${issue?.message ?? "it cannot be read"}.`;
}
