/** What a message field holds that is not there. */
export type Nothing = null | undefined;

/** 64-bit numbers are objects, unless they fit into 32 bits and somebody wrote them as numbers. */
export type Int64 = number | { toNumber(): number };

export interface Any {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface Duration {
  readonly seconds?: Int64 | undefined;
  readonly nanos?: number | undefined;
}

export interface Wrapped<T> {
  readonly value: T;
}

export interface Percent {
  readonly value: number;
}

export interface Value {
  readonly nullValue?: number | Nothing;
  readonly numberValue?: number | Nothing;
  readonly stringValue?: string | Nothing;
  readonly boolValue?: boolean | Nothing;
  readonly structValue?: Struct | Nothing;
  readonly listValue?: { readonly values: readonly Value[] } | Nothing;
}

export interface Struct {
  readonly fields: Readonly<Record<string, Value>>;
}

export interface LocalityMessage {
  readonly region?: string;
  readonly zone?: string;
  readonly subZone?: string;
}

/** A 64-bit number; what is beyond 2^53 loses its last digits. */
export function numberOf(value: Int64 | Nothing): number {
  if (value === null || value === undefined) return 0;
  return typeof value === "number" ? value : value.toNumber();
}

/** Milliseconds of a duration; `undefined` where there is none. */
export function millisecondsOf(duration: Duration | Nothing): number | undefined {
  if (duration === null || duration === undefined) return undefined;
  return numberOf(duration.seconds) * 1000 + (duration.nanos ?? 0) / 1e6;
}
