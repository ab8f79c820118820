/** A series of an exponential histogram, as OTLP has it in JSON. */
export interface OtlpExponential {
  readonly count: number;
  readonly sum: number;
  readonly scale: number;
  readonly zeroCount: number;
  /** Of the first bucket. */
  readonly offset: number;
  readonly buckets: readonly number[];
}

/** The series of exponential histograms with this name in one export of metrics. */
export function exponentialsOf(body: unknown, name: string): readonly OtlpExponential[] {
  return items(body, "resourceMetrics")
    .flatMap((resource) => items(resource, "scopeMetrics"))
    .flatMap((scope) => items(scope, "metrics"))
    .filter((metric) => field(metric, "name") === name)
    .flatMap((metric) => items(field(metric, "exponentialHistogram"), "dataPoints"))
    .map((point) => {
      const positive = field(point, "positive");
      return {
        count: number(point, "count"),
        sum: number(point, "sum"),
        scale: number(point, "scale"),
        zeroCount: number(point, "zeroCount"),
        offset: number(positive, "offset"),
        buckets: items(positive, "bucketCounts").map(Number),
      };
    });
}

/** What is 0 may be left out; what has 64 bits comes as text. */
function number(of: unknown, name: string): number {
  return Number(field(of, name) ?? 0);
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

function items(of: unknown, name: string): readonly unknown[] {
  const found = field(of, name);
  return Array.isArray(found) ? found : [];
}
