/** The reference of the configuration file, made from the schema: it cannot go stale. */
import { documentedKeys } from "./schema-walk.ts";
import type { DocumentedKey } from "./schema-walk.ts";
import { configSchema } from "./schema.ts";

/** A Markdown table of every key, one after the heading of each section. */
export function configReference(): string {
  const sections = new Map<string, DocumentedKey[]>();
  for (const key of documentedKeys(configSchema)) {
    const section = key.path.slice(0, -1).join(".");
    sections.set(section, [...(sections.get(section) ?? []), key]);
  }
  return [...sections].map(([section, keys]) => sectionTable(section, keys)).join("\n\n");
}

function sectionTable(section: string, keys: readonly DocumentedKey[]): string {
  const rows = keys.map(
    ({ path, note, isRequired }) => `| \`${path.at(-1) ?? ""}\` | ${isRequired ? "**required**" : (note.default ?? "")} | ${note.about} |`,
  );
  return [`#### \`${section}\``, "", "| key | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}
