import { configError } from "../../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../../option-checks.ts";

interface CommonPolicy {
  /** Time from one check to the next, in milliseconds, 100 to 3,600,000; 10,000 by default. */
  readonly intervalMs?: number | undefined;
  /** The same from a failed check until the endpoint is healthy again; a fifth of `intervalMs` by default. */
  readonly unhealthyIntervalMs?: number | undefined;
  /** How much of an interval is left to chance, so that the checks of many processes do not coincide, 0 to 1; 0.1 by default. */
  readonly jitter?: number | undefined;
  /** How long a check may take, in milliseconds, 1 to 600,000; 1,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** Failed checks in a row that make an endpoint unhealthy, 1 to 100; 3 by default. The very first check decides alone. */
  readonly unhealthyThreshold?: number | undefined;
  /** Checks in a row that must go well to make it healthy again, 1 to 100; 2 by default. */
  readonly healthyThreshold?: number | undefined;
}

/** How a service's endpoints are asked whether they are well. */
export type HealthCheckPolicy =
  | (CommonPolicy & {
      readonly type: "http";
      /** What is requested; `/health` by default. */
      readonly path?: string | undefined;
      /** `GET` by default. */
      readonly method?: "GET" | "HEAD" | undefined;
      /** Statuses of a healthy endpoint, 100 to 599; 200 by default. */
      readonly expectedStatuses?: readonly number[] | undefined;
    })
  | (CommonPolicy & {
      /** That a connection can be opened, with TLS where the service has it. */
      readonly type: "tcp";
    })
  | (CommonPolicy & {
      /** `grpc.health.v1.Health/Check`, over HTTP/2. */
      readonly type: "grpc";
      /** The service that is asked about; the server as a whole by default. */
      readonly service?: string | undefined;
    });

/** {@link HealthCheckPolicy} with every field known. */
export interface ResolvedHealthCheck {
  readonly type: "http" | "tcp" | "grpc";
  readonly path: string;
  readonly method: "GET" | "HEAD";
  readonly expectedStatuses: readonly number[];
  readonly service: string;
  readonly intervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly jitter: number;
  readonly timeoutMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

const common = [
  "intervalMs",
  "unhealthyIntervalMs",
  "jitter",
  "timeoutMs",
  "unhealthyThreshold",
  "healthyThreshold",
];
const keys: Readonly<Record<string, readonly string[]>> = {
  http: ["path", "method", "expectedStatuses"],
  tcp: [],
  grpc: ["service"],
};

/**
 * @param input what the user wrote; `undefined` and `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveHealthCheck(input: unknown, path: string): ResolvedHealthCheck | undefined {
  if (input === undefined || input === false) return undefined;
  const field = (key: string): string => fieldPath(path, key);
  const { type } = checkObject(input, path, Object.keys(Object(input)), true);
  if (type !== "http" && type !== "tcp" && type !== "grpc") {
    throw configError(field("type"), '"http", "tcp" or "grpc"', type);
  }
  const given = checkObject(input, path, ["type", ...common, ...(keys[type] ?? [])]);
  const number = (key: string, min: number, max: number, integer = false): number | undefined =>
    checkNumber(given[key], field(key), { min, max, integer });
  const { method = "GET", path: requested = "/health", service = "" } = given;
  if (method !== "GET" && method !== "HEAD") throw configError(field("method"), '"GET" or "HEAD"', method);
  if (typeof requested !== "string" || !/^\/[!-~]*$/.test(requested)) {
    throw configError(field("path"), 'a path that begins with "/"', requested);
  }
  if (typeof service !== "string") throw configError(field("service"), "the name of a service", service);
  const intervalMs = number("intervalMs", 100, 3_600_000) ?? 10_000;
  return Object.freeze({
    type,
    path: requested,
    method,
    expectedStatuses: statuses(given["expectedStatuses"], field("expectedStatuses")),
    service,
    intervalMs,
    unhealthyIntervalMs: number("unhealthyIntervalMs", 100, 3_600_000) ?? Math.max(100, intervalMs / 5),
    jitter: number("jitter", 0, 1) ?? 0.1,
    timeoutMs: number("timeoutMs", 1, 600_000) ?? 1_000,
    unhealthyThreshold: number("unhealthyThreshold", 1, 100, true) ?? 3,
    healthyThreshold: number("healthyThreshold", 1, 100, true) ?? 2,
  });
}

function statuses(input: unknown, path: string): readonly number[] {
  const given = checkArray(input, path, "statuses from 100 to 599");
  if (given === undefined) return Object.freeze([200]);
  if (given.length === 0) throw configError(path, "one status at least", given);
  return Object.freeze(
    given.map(
      (status, index) =>
        checkNumber(status ?? NaN, `${path}[${index}]`, { min: 100, max: 599, integer: true }) ?? 0,
    ),
  );
}
