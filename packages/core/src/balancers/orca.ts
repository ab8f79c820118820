/** What an endpoint says of its own load with an answer (ORCA, `xds.data.orca.v3.OrcaLoadReport`). */
export interface LoadReport {
  /** 0 to 1, above where it is overloaded; 0 where it was not said. */
  readonly cpuUtilization: number;
  readonly memUtilization: number;
  /** 0 where it was not said; what the application itself takes for its utilisation. */
  readonly applicationUtilization: number;
  /** Requests per second. */
  readonly rps: number;
  /** Errors per second. */
  readonly eps: number;
  /** By name, all of them numbers: `named_metrics.x`, `utilization.x`, `request_cost.x`. */
  readonly metrics: ReadonlyMap<string, number>;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Longer reports are not read. */
const MAX_LENGTH = 8_192;
const MAX_METRICS = 100;

/**
 * The load report in the headers of an answer: `endpoint-load-metrics` as `JSON {…}` or `TEXT name=value,…` (or `name:value`, as Envoy writes it),
 * else
 * `endpoint-load-metrics-bin` as base64 of the protobuf message. `undefined` where there is none, `null` where it makes no sense.
 */
export function loadReportOf(headers: Headers): LoadReport | null | undefined {
  const text = headers["endpoint-load-metrics"];
  const binary = headers["endpoint-load-metrics-bin"];
  const given = text ?? binary;
  if (given === undefined) return undefined;
  if (typeof given !== "string" || given.length > MAX_LENGTH) return null;
  try {
    const fields = text === undefined ? fromBinary(Buffer.from(given, "base64")) : fromText(given);
    return fields === undefined ? null : reportOf(fields);
  } catch {
    return null;
  }
}

/** Fields by their names in the message; those of maps as `map.key`. */
type Fields = Map<string, number>;

function reportOf(fields: Fields): LoadReport | null {
  for (const value of fields.values()) if (!Number.isFinite(value) || value < 0) return null;
  const at = (name: string): number => fields.get(name) ?? 0;
  return {
    cpuUtilization: at("cpu_utilization"),
    memUtilization: at("mem_utilization"),
    applicationUtilization: at("application_utilization"),
    rps: at("rps_fractional") === 0 ? at("rps") : at("rps_fractional"),
    eps: at("eps"),
    metrics: fields,
  };
}

function fromText(given: string): Fields | undefined {
  if (given.startsWith("JSON ")) return fromJson(given.slice(5));
  if (!given.startsWith("TEXT ")) return undefined;
  const fields: Fields = new Map();
  for (const part of given.slice(5).split(",").slice(0, MAX_METRICS)) {
    // Envoy writes a colon, gRPC's texts an equals sign; no name has either.
    const sign = part.search(/[=:]/);
    const value = numberIn(part.slice(sign + 1));
    if (sign < 1 || value === undefined) return undefined;
    fields.set(part.slice(0, sign).trim(), value);
  }
  return fields;
}

function fromJson(text: string): Fields | undefined {
  const given: unknown = JSON.parse(text);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const fields: Fields = new Map();
  for (const [name, value] of Object.entries(given).slice(0, MAX_METRICS)) {
    // Protobuf's JSON has lowerCamelCase names, and reads both.
    const field = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value).slice(0, MAX_METRICS)) {
        const number = numberIn(inner);
        if (number === undefined) return undefined;
        fields.set(`${field}.${key}`, number);
      }
    } else {
      const number = numberIn(value);
      if (number === undefined) return undefined;
      fields.set(field, number);
    }
  }
  return fields;
}

/** A number, or one as text, which Protobuf's JSON allows for each and demands for whole ones of 64 bits. */
function numberIn(given: unknown): number | undefined {
  if (typeof given === "number") return given;
  return typeof given === "string" && given.trim() !== "" ? Number(given) : undefined;
}

const DOUBLE = 1;
const LENGTH = 2;
const scalars = new Map([
  [1, "cpu_utilization"],
  [2, "mem_utilization"],
  [3, "rps"],
  [6, "rps_fractional"],
  [7, "eps"],
  [9, "application_utilization"],
]);
const maps = new Map([
  [4, "request_cost"],
  [5, "utilization"],
  [8, "named_metrics"],
]);

/** The protobuf wire format, as far as this message goes. Reading past the end throws a `RangeError`. */
function fromBinary(bytes: Buffer): Fields | undefined {
  const fields: Fields = new Map();
  const reader = new WireReader(bytes);
  while (!reader.isAtEnd && fields.size < MAX_METRICS) {
    const tag = reader.varint();
    const field = tag >>> 3;
    const map = maps.get(field);
    const scalar = scalars.get(field);
    if ((tag & 7) === LENGTH && map !== undefined) {
      const entry = new WireReader(reader.bytes());
      let key = "";
      let value = 0;
      while (!entry.isAtEnd) {
        const inner = entry.varint();
        if (inner === ((1 << 3) | LENGTH)) key = entry.bytes().toString();
        else if (inner === ((2 << 3) | DOUBLE)) value = entry.double();
        else entry.skip(inner & 7);
      }
      fields.set(`${map}.${key}`, value);
    } else if (scalar !== undefined && (tag & 7) === DOUBLE) fields.set(scalar, reader.double());
    else if (scalar !== undefined && (tag & 7) === 0) fields.set(scalar, reader.varint());
    else reader.skip(tag & 7);
  }
  return fields;
}

class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a varint is too long");
  }

  double(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  bytes(): Buffer {
    const length = this.varint();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("a field is cut off");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  skip(type: number): void {
    if (type === 0) this.varint();
    else if (type === DOUBLE) this.double();
    else if (type === LENGTH) this.bytes();
    else if (type === 5) this.#at += 4;
    else throw new RangeError(`there is no wire type ${type}`);
  }
}
