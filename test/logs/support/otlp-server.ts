import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";

type Json = Readonly<Record<string, unknown>>;

/** A log record that arrived, with what stands around it. */
export interface OtlpRecord {
  readonly resource: Json;
  readonly scope: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: unknown;
  readonly eventName: string | undefined;
  readonly timeMs: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly attributes: Json;
}

/** Receives logs by OTLP/HTTP as JSON, and refuses with 400 whatever the protocol's messages do not have. */
export class OtlpServer {
  readonly records: OtlpRecord[] = [];
  readonly complaints: string[] = [];
  /** Statuses of the next answers, in place of 200. */
  readonly statuses: number[] = [];
  requests = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtlpServer> {
    const server = createServer();
    const otlp = new OtlpServer(server);
    server.on("request", (request: IncomingMessage, response) => {
      otlp.#receive(request).then(
        (status) => response.writeHead(status, { "content-type": "application/json" }).end("{}"),
        (error: unknown) => {
          otlp.complaints.push(String(error));
          response.writeHead(400, { "content-type": "application/json" }).end('{"message":"bad"}');
        },
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return otlp;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1/logs`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #receive(request: IncomingMessage): Promise<number> {
    this.requests++;
    let text = "";
    request.setEncoding("utf8");
    for await (const chunk of request) text += String(chunk);
    const status = this.statuses.shift();
    if (status !== undefined) return status;
    check(request.method === "POST" && request.url === "/v1/logs", `${request.method} ${request.url}`);
    check(request.headers["content-type"] === "application/json", "the content type");
    const { resourceLogs } = fields(JSON.parse(text), ["resourceLogs"]);
    const arrived = list(resourceLogs).flatMap((one) => resourceRecords(one));
    check(arrived.length > 0, "no records");
    this.records.push(...arrived);
    return 200;
  }
}

function resourceRecords(value: unknown): readonly OtlpRecord[] {
  const given = fields(value, ["resource", "scopeLogs", "schemaUrl"]);
  const resource = fields(given["resource"], ["attributes", "droppedAttributesCount"]);
  return list(given["scopeLogs"]).flatMap((one) => {
    const { logRecords, scope } = fields(one, ["scope", "logRecords", "schemaUrl"]);
    const { name } = fields(scope, ["name", "version", "attributes", "droppedAttributesCount"]);
    check(typeof name === "string" && name !== "", "a scope without a name");
    const around = { resource: attributesOf(resource["attributes"]), scope: name };
    return list(logRecords).map((record) => Object.assign(recordOf(record), around));
  });
}

const recordFields = [
  "timeUnixNano",
  "observedTimeUnixNano",
  "severityNumber",
  "severityText",
  "body",
  "attributes",
  "droppedAttributesCount",
  "flags",
  "traceId",
  "spanId",
  "eventName",
];

function recordOf(value: unknown): Omit<OtlpRecord, "resource" | "scope"> {
  const given = fields(value, recordFields);
  const { eventName, flags = 0, severityNumber, severityText, spanId, traceId } = given;
  check(isWhole(severityNumber, 24) && severityNumber > 0, "the severity");
  check(typeof severityText === "string" && severityText !== "", "the severity's text");
  check(eventName === undefined || typeof eventName === "string", "the event's name");
  check(isWhole(flags, 0xffff_ffff), "the flags");
  // In OTLP's JSON ids are hexadecimal, other than in that of Protocol Buffers.
  check(traceId === undefined || isHex(traceId, 32), "the trace id");
  check(spanId === undefined || isHex(spanId, 16), "the span id");
  check((traceId === undefined) === (spanId === undefined), "one id without the other");
  time(given["observedTimeUnixNano"]);
  return {
    severityNumber,
    severityText,
    body: valueOf(given["body"]),
    eventName,
    timeMs: time(given["timeUnixNano"]),
    traceId,
    spanId,
    attributes: attributesOf(given["attributes"]),
  };
}

/** Nanoseconds since the epoch: 64 bits, so that JSON has them as text. */
function time(value: unknown): number {
  check(typeof value === "string" && /^[1-9]\d{18}$/.test(value), `a time: ${String(value)}`);
  return Number(BigInt(value) / 1_000_000n);
}

function attributesOf(value: unknown): Json {
  const attributes: Record<string, unknown> = {};
  for (const pair of list(value)) {
    const { key, value: held } = fields(pair, ["key", "value"]);
    check(typeof key === "string" && key !== "" && !Object.hasOwn(attributes, key), "a key");
    attributes[key] = valueOf(held);
  }
  return attributes;
}

/** An AnyValue: exactly one of its kinds. */
function valueOf(value: unknown): unknown {
  const given = fields(value, ["stringValue", "boolValue", "intValue", "doubleValue"]);
  const kinds = Object.entries(given);
  check(kinds.length === 1, "a value of no kind, or of several");
  const [[kind, held] = []] = kinds;
  if (kind === "intValue") {
    const isInteger = typeof held === "number" ? Number.isSafeInteger(held) : /^-?\d+$/.test(String(held));
    check(isInteger, "an integer");
    return Number(held);
  }
  const types = { stringValue: "string", boolValue: "boolean", doubleValue: "number" };
  check(
    Object.entries(types).some(([name, type]) => name === kind && typeof held === type),
    `a ${kind}`,
  );
  return held;
}

function fields(value: unknown, known: readonly string[]): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("no object");
  const given: Json = { ...value };
  for (const key of Object.keys(given)) check(known.includes(key), `a field ${key}`);
  return given;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("no list");
  return value;
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}

function isHex(value: unknown, digits: number): value is string {
  return (
    typeof value === "string" && value.length === digits && /^[\da-f]+$/.test(value) && !/^0+$/.test(value)
  );
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not OTLP: ${what}`);
}
