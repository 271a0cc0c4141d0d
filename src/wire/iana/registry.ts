/** How the numbers that IANA assigns are written down: a table of constants that can also name a number. */

/** A registry's constants by name, plus look-ups. Unknown numbers are legal on the wire: they are named, never refused. */
export type Registry<Table extends Readonly<Record<string, number>>> = Readonly<Table> & {
  /** IANA's title of the registry. */
  readonly title: string;
  /** The constant's name, or "unknown(240)". */
  nameOf(value: number): string;
  has(value: number): boolean;
  /** All assignments, in the order of the table. */
  entries(): readonly (readonly [name: string, value: number])[];
};

/** `bits` is the width of the field on the wire. Throws RangeError for a value too wide or assigned twice: a mistake in the table. */
export function registry<const Table extends Readonly<Record<string, number>>>(title: string, bits: number, table: Table): Registry<Table> {
  const names = new Map<number, string>();
  for (const [name, value] of Object.entries(table)) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits)
      throw new RangeError(`${title}: ${name} = ${value} is not a ${bits}-bit number`);
    if (names.has(value)) throw new RangeError(`${title}: ${value} is both ${names.get(value) ?? ""} and ${name}`);
    names.set(value, name);
  }
  return Object.freeze({
    ...table,
    title,
    nameOf: (value: number) => names.get(value) ?? `unknown(${value})`,
    has: (value: number) => names.has(value),
    entries: () => Object.entries(table),
  });
}
