/** Durations, sizes, numbers and choices as text. Every reader throws InvalidText with a sentence for the person who wrote the text. */
import { InvalidText } from "../../wire/errors.ts";

const SECONDS_OF: Readonly<Record<string, number>> = { "": 1, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const OCTETS_OF: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const MULTIPLE_OF: Readonly<Record<string, number>> = { "": 1, K: 1e3, M: 1e6, G: 1e9 };

/** "300s", "5m", "1h", "1d", "250ms", or plain seconds as swanctl has them. Milliseconds. */
export function parseDuration(text: string): number {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)(ms|[smhd]?)$/.exec(text);
  const unit = SECONDS_OF[parts?.[2] ?? "?"];
  if (parts?.[1] === undefined || unit === undefined) throw new InvalidText(`"${text}" is not a duration; write it as 300s, 5m, 1h or 1d.`);
  return Math.round(Number(parts[1]) * unit * 1000);
}

/** As {@link parseDuration}, where 0 means never: Infinity. */
export function parseLifetime(text: string): number {
  return neverIfZero(parseDuration(text));
}

/** "500000000", "500M", "1G": octets, by powers of 1024; 0 means no limit: Infinity. */
export function parseSizeLimit(text: string): number {
  return neverIfZero(parseScaled(text, OCTETS_OF, "size in octets; write it as 500M or 1G"));
}

/** "1000000", "500M": a count, by powers of 1000; 0 means no limit: Infinity. */
export function parseCountLimit(text: string): number {
  return neverIfZero(parseScaled(text, MULTIPLE_OF, "count; write it as 1000000 or 500M"));
}

function parseScaled(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const parts = /^(\d{1,15})([KMGT]?)$/i.exec(text);
  const unit = units[parts?.[2]?.toUpperCase() ?? "?"];
  const value = parts?.[1] === undefined || unit === undefined ? NaN : Number(parts[1]) * unit;
  if (!Number.isSafeInteger(value)) throw new InvalidText(`"${text}" is not a ${what}.`);
  return value;
}

function neverIfZero(value: number): number {
  return value === 0 ? Infinity : value;
}

/** A reader of whole numbers from `min` to `max`, both included. */
export function integerFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new InvalidText(`"${text}" is not a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** A reader of decimal numbers from `min` to `max`, both included. */
export function decimalFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new InvalidText(`"${text}" is not a number from ${min} to ${max}.`);
    return value;
  };
}

/** swanctl's booleans: yes/no, true/false, on/off, 1/0. */
export function parseBoolean(text: string): boolean {
  switch (text.toLowerCase()) {
    case "yes":
    case "true":
    case "on":
    case "1":
      return true;
    case "no":
    case "false":
    case "off":
    case "0":
      return false;
    default:
      throw new InvalidText(`"${text}" is neither yes nor no.`);
  }
}

/** A reader of one word out of a few. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new InvalidText(`"${text}" is not one of ${words.join(", ")}.`);
    return word;
  };
}
