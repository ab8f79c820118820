/** What the dashboard of Hystrix 1.5 insists on: a record without one of these is not drawn. */
const asserted = [
  "type",
  "name",
  "group",
  "isCircuitBreakerOpen",
  "errorPercentage",
  "errorCount",
  "requestCount",
  "rollingCountCollapsedRequests",
  "rollingCountExceptionsThrown",
  "rollingCountFailure",
  "rollingCountFallbackFailure",
  "rollingCountFallbackRejection",
  "rollingCountFallbackSuccess",
  "rollingCountResponsesFromCache",
  "rollingCountSemaphoreRejected",
  "rollingCountShortCircuited",
  "rollingCountSuccess",
  "rollingCountThreadPoolRejected",
  "rollingCountTimeout",
  "rollingCountBadRequests",
  "currentConcurrentExecutionCount",
  "latencyExecute_mean",
  "latencyExecute",
  "latencyTotal_mean",
  "latencyTotal",
  "propertyValue_circuitBreakerRequestVolumeThreshold",
  "propertyValue_circuitBreakerSleepWindowInMilliseconds",
  "propertyValue_circuitBreakerErrorThresholdPercentage",
  "propertyValue_circuitBreakerForceOpen",
  "propertyValue_executionIsolationStrategy",
  "propertyValue_executionIsolationThreadTimeoutInMilliseconds",
  "propertyValue_executionIsolationThreadInterruptOnTimeout",
  "propertyValue_executionIsolationSemaphoreMaxConcurrentRequests",
  "propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests",
  "propertyValue_requestCacheEnabled",
  "propertyValue_requestLogEnabled",
  "propertyValue_metricsRollingStatisticalWindowInMilliseconds",
  "reportingHosts",
];

const percents = ["0", "25", "50", "75", "90", "95", "99", "99.5", "100"];

type Fields = Readonly<Record<string, unknown>>;

/** Reads a record as the dashboard does: JSON, and nothing missing. */
export function readByDashboard(data: string): Fields {
  const record: Fields = JSON.parse(data);
  for (const key of asserted) {
    if (record[key] === undefined || record[key] === null) throw new Error(`Key Missing: ${key}`);
  }
  return record;
}

/** As it is shown for a single host. */
export function circuitStatus(record: Fields): string {
  if (record["propertyValue_circuitBreakerForceOpen"] === true) return "Forced Open";
  if (Number(record["isCircuitBreakerOpen"]) === record["reportingHosts"]) return "Open";
  return Number(record["isCircuitBreakerOpen"]) === 0 ? "Closed" : "?";
}

/** Requests per second, as it works them out. */
export function ratePerSecond(record: Fields): number {
  const windowMs = Number(record["propertyValue_metricsRollingStatisticalWindowInMilliseconds"]);
  return Number(record["requestCount"]) / (windowMs / 1000);
}

/** The percentiles that it shows, all of which must be there. */
export function latencies(record: Fields): Readonly<Record<string, number>> {
  const map = record["latencyExecute"];
  if (typeof map !== "object" || map === null) throw new Error("no latencies");
  const entries = Object.entries(map).map(([key, value]) => [key, Number(value)] as const);
  if (percents.some((percent) => !entries.some(([key]) => key === percent)))
    throw new Error("percentiles missing");
  return Object.fromEntries(entries);
}

/** A record as Turbine takes it apart. */
interface TurbineData {
  readonly type: string;
  readonly name: string;
  /** What it adds up over hosts: whole numbers alone. */
  readonly numbers: Readonly<Record<string, number>>;
  /** What it counts by value over hosts. */
  readonly words: Readonly<Record<string, string>>;
}

/** Reads a record as Turbine does, which gives up on a number that is not whole. */
export function readByTurbine(data: string): TurbineData {
  const record: Fields = JSON.parse(data);
  const numbers: Record<string, number> = {};
  const words: Record<string, string> = {};
  const take = (key: string, value: unknown): void => {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw new Error(`${key} is ${value}, which is no whole number`);
      numbers[key] = value;
    } else if (typeof value === "string" || typeof value === "boolean") words[key] = String(value);
    else if (value !== null && typeof value === "object") {
      for (const [inner, each] of Object.entries(value)) take(`${key}.${inner}`, each);
    }
  };
  for (const [key, value] of Object.entries(record)) take(key, value);
  return { type: String(record["type"]), name: String(record["name"]), numbers, words };
}
