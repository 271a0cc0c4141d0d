/** Log lines for a person: time, level, sentence, then what else was noted as key=value. */

/** What pino writes, one JSON object a line. */
interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly [key: string]: unknown;
}

const LEVEL_NAMES: readonly (readonly [atLeast: number, name: string])[] = [
  [60, "FATAL"],
  [50, "ERROR"],
  [40, "WARN "],
  [30, "info "],
  [20, "debug"],
  [0, "trace"],
];

/** `2026-11-24T10:54:32.123Z info  listening on 192.0.2.1 port=4500` with a newline. Text that is no record comes back as it is. */
export function formatLogLine(line: string): string {
  let record: LogRecord;
  try {
    record = JSON.parse(line) as LogRecord;
  } catch {
    return line;
  }
  const { level, time, msg = "", ...fields } = record;
  const name = LEVEL_NAMES.find(([atLeast]) => level >= atLeast)?.[1] ?? "trace";
  const noted = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  return `${new Date(time).toISOString()} ${name} ${oneLine(msg)}${noted.join("")}\n`;
}

function formatValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.:/@[\]-]+$/.test(text) ? text : typeof value === "string" ? JSON.stringify(value) : text;
}

/** A record is one line, whatever a message says: nobody forges a second one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, (character) =>
    character === "\n" ? " ⏎ " : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
