/** Turns the findings of zod into sentences for the person who wrote the file. */
import type { z } from "zod";
import { nearestWord } from "./nearest.ts";
import type { KeyPath } from "./problems.ts";
import { configSchema } from "./schema.ts";
import { keysAt, noteAt } from "./schema-walk.ts";

/** A finding without its line, which the caller knows how to look up. */
export interface Finding {
  readonly path: KeyPath;
  readonly text: string;
}

export function explainIssue(issue: z.core.$ZodIssue, input: unknown): Finding[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey(key, path) }));
    case "invalid_type":
      return [{ path, text: wrongKind(path, valueAt(input, path)) }];
    default:
      return [{ path, text: issue.message }];
  }
}

function unknownKey(key: string, path: KeyPath): string {
  const known = keysAt(configSchema, path) ?? [];
  const nearest = nearestWord(key, known);
  const advice = nearest === undefined ? `the keys here are ${known.join(", ")}` : `did you mean "${nearest}"?`;
  return `There is no key "${key}" here; ${advice}${nearest === undefined ? "." : ""}`;
}

function wrongKind(path: KeyPath, value: unknown): string {
  const expected = noteAt(configSchema, path)?.expects ?? "a mapping from keys to values";
  if (value === undefined) return `This key is missing; it must be ${expected}.`;
  if (value === "") return `Nothing stands here; it must be ${expected}.`;
  return `Here stands ${describe(value, path)}; it must be ${expected}.`;
}

function describe(value: unknown, path: KeyPath): string {
  if (typeof value !== "string") return Array.isArray(value) ? "a list" : "a mapping";
  // What stands under "secrets" may be one, and messages go to logs.
  return path[0] === "secrets" ? "a text" : `the text "${value}"`;
}

function valueAt(input: unknown, path: KeyPath): unknown {
  let value = input;
  for (const key of path) value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return value;
}
