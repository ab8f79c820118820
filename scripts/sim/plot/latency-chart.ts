import { linear, logarithmic } from "./scale.ts";
import { colour, path, rule, svg, text } from "./svg.ts";
import type { Timeline } from "./timeline.ts";

const width = 960;
const height = 420;
const left = 64;
const right = 700;
const top = 48;
const bottom = 372;

/** The 99th percentile (line) and the median (dashed) of each policy over time. */
export function latencyChart(title: string, timelines: readonly Timeline[]): string {
  const seen = timelines.flatMap(({ p50Ms, p99Ms }) => [...p50Ms, ...p99Ms]).filter((value) => value > 0);
  const y = logarithmic(0.9 * Math.min(1e9, ...seen), 1.1 * Math.max(1, ...seen), bottom, top);
  const longest = Math.max(1, ...timelines.map(({ p99Ms, stepMs }) => (p99Ms.length * stepMs) / 1000));
  const x = linear(longest, left, right);
  const body = [text(left, 26, `${title}: latency over time`, "start", "title")];
  for (const tick of y.ticks) {
    body.push(rule(left, y.at(tick), right, y.at(tick)));
    body.push(text(left - 8, y.at(tick) + 4, `${tick} ms`, "end", "dim"));
  }
  for (const tick of x.ticks) body.push(text(x.at(tick), bottom + 18, `${tick} s`, "middle", "dim"));
  for (const [i, { p50Ms, p99Ms, policy, stepMs }] of timelines.entries()) {
    const through = (values: readonly number[]): (readonly [number, number])[] =>
      values.map((value, step) => [
        x.at(((step + 0.5) * stepMs) / 1000),
        value > 0 ? y.at(value) : Number.NaN,
      ]);
    body.push(path(through(p50Ms), `class="line" stroke="${colour(i)}" stroke-dasharray="2 4" opacity=".8"`));
    body.push(path(through(p99Ms), `class="line" stroke="${colour(i)}"`));
    body.push(
      path(
        [
          [right + 14, top + 22 * i + 8],
          [right + 34, top + 22 * i + 8],
        ],
        `class="line" stroke="${colour(i)}"`,
      ),
    );
    body.push(text(right + 40, top + 22 * i + 12, policy));
  }
  body.push(
    text(
      left,
      height - 10,
      "line: 99th percentile, dashed: median, of calls by the second they began in",
      "start",
      "dim",
    ),
  );
  return svg(width, height, `${title}: latency over time`, body);
}
