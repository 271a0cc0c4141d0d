/** Building blocks of the schema: every leaf is read from text, and says what it is for the reference and for error messages. */
import { z } from "zod";

/** What the reference tells of a key; `expects` completes the sentence "it must be …". */
export interface FieldNote {
  readonly about: string;
  readonly expects: string;
  /** Shown as the default; the text in the file that means the same where there is such a text. */
  readonly default?: string;
}

type Reader<T> = (text: string) => T;

/** Errors with which readers refuse a text; all of them carry a sentence for the operator. Anything else is a mistake of ours. */
const REFUSALS: ReadonlySet<string> = new Set(["InvalidText", "InvalidProposal", "LocalMisconfiguration"]);

function reading<T>(read: Reader<T>) {
  return z.string().transform((text, context): T => {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof Error) || !REFUSALS.has(error.name)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

/** A key that must be there. */
export function required<T>(read: Reader<T>, note: FieldNote) {
  return reading(read).meta({ ...note });
}

/** A key whose default is worked out from others, or that may be absent; `note.default` says so in words. */
export function optional<T>(read: Reader<T>, note: FieldNote) {
  return reading(read)
    .optional()
    .meta({ ...note });
}

/** A key that, when absent, is read as if `note.default` stood there. */
export function defaulted<T>(read: Reader<T>, note: FieldNote & { readonly default: string }) {
  return reading(read)
    .prefault(note.default)
    .meta({ ...note });
}

/** A list; as in swanctl.conf, it may also be written as one text with commas. At least one entry. */
export function listOf<T>(read: Reader<T>, note: FieldNote) {
  const entries = z.array(reading(read)).min(1, { error: "The list is empty." });
  return z.preprocess(splitAtCommas, entries).meta({ ...note });
}

export function optionalListOf<T>(read: Reader<T>, note: FieldNote) {
  return listOf(read, note)
    .optional()
    .meta({ ...note });
}

function splitAtCommas(value: unknown): unknown {
  return typeof value === "string" ? value.split(",").map((entry) => entry.trim()) : value;
}
