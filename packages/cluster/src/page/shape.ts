import { isRecord } from "@proxyless/core/discovery";

/** Whether a value is as it should be. */
export type Shape = (value: unknown) => boolean;

const maxEntries = 100_000;
const maxTextLength = 4_096;

export const text: Shape = (value) => typeof value === "string" && value.length <= maxTextLength;
export const truth: Shape = (value) => typeof value === "boolean";
export const number: Shape = Number.isFinite;
/** 0 or more. */
export const amount: Shape = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;

export function optional(shape: Shape): Shape {
  return (value) => value === undefined || shape(value);
}

export function oneOf(...words: readonly string[]): Shape {
  return (value) => typeof value === "string" && words.includes(value);
}

export function list(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.length <= maxEntries && value.every((one) => shape(one));
}

/** Of any names. */
export function table(shape: Shape): Shape {
  return (value) => {
    if (!isRecord(value)) return false;
    const entries = Object.entries(value);
    return entries.length <= maxEntries && entries.every(([name, one]) => text(name) && shape(one));
  };
}

/** Of these names; what has another one is of no interest. */
export function object(shapes: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(shapes);
  return (value) => isRecord(value) && entries.every(([name, shape]) => shape(value[name]));
}
