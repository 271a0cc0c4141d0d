/** Looks into the zod schema: which keys a section has, and what is noted of a key. */
import { z } from "zod";
import type { FieldNote } from "./fields.ts";
import type { KeyPath } from "./problems.ts";

type Schema = z.core.$ZodType;

/** The keys of the mapping at `path`; undefined where any name may stand, or where no mapping belongs. */
export function keysAt(root: Schema, path: KeyPath): readonly string[] | undefined {
  const schema = schemaAt(root, path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined;
}

/** What is noted of the key at `path`, or of the list that it is an entry of, as far as anything is. */
export function noteAt(root: Schema, path: KeyPath): Partial<FieldNote> | undefined {
  let schema: Schema | undefined = root;
  let note: Partial<FieldNote> | undefined;
  for (const key of path) {
    schema = child(unwrap(schema), key);
    if (schema === undefined) return note;
    note = metaOf(schema);
  }
  return note;
}

export interface DocumentedKey {
  /** Names that the user chooses stand in capitals: `connections.NAME.children.NAME.local_ts`. */
  readonly path: readonly string[];
  readonly note: FieldNote;
  readonly isRequired: boolean;
}

/** Every key of the file that has a value, sections in the order of the schema. */
export function documentedKeys(root: Schema): DocumentedKey[] {
  return collect(root, []);
}

function collect(schema: Schema, path: readonly string[]): DocumentedKey[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodRecord) return collect(inner.def.valueType, [...path, "NAME"]);
  if (inner instanceof z.ZodObject) {
    const entries = Object.entries<Schema>(inner.shape);
    const isSection = ([, value]: [string, Schema]): boolean => {
      const section = unwrap(value);
      return section instanceof z.ZodObject || section instanceof z.ZodRecord;
    };
    // A section's own keys before the sections in it: a reader of the table would otherwise lose where he is.
    const ordered = [...entries.filter((entry) => !isSection(entry)), ...entries.filter(isSection)];
    return ordered.flatMap(([key, value]) => collect(value, [...path, key]));
  }
  const note = metaOf(schema);
  if (note?.about === undefined || note.expects === undefined) throw new Error(`the key ${path.join(".")} is not documented`);
  return [{ path, note: note as FieldNote, isRequired: note.default === undefined }];
}

function schemaAt(root: Schema, path: KeyPath): Schema | undefined {
  let schema: Schema | undefined = unwrap(root);
  for (const key of path) schema = unwrap(child(schema, key));
  return schema;
}

function child(schema: Schema | undefined, key: string | number): Schema | undefined {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, Schema>)[key];
  if (schema instanceof z.ZodRecord) return schema.def.valueType;
  return undefined;
}

/** Takes off what only says that something may be absent or has a default. */
function unwrap(schema: Schema | undefined): Schema | undefined {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault) inner = inner.def.innerType;
  return inner;
}

function metaOf(schema: Schema): Partial<FieldNote> | undefined {
  return z.globalRegistry.get(schema) as Partial<FieldNote> | undefined;
}
