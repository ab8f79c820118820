import { linear } from "./scale.ts";
import type { Scale } from "./scale.ts";
import { colour, path, rule, svg, text } from "./svg.ts";
import type { Timeline } from "./timeline.ts";

const width = 860;
const panelHeight = 150;
const left = 64;
const right = 840;
const head = 44;
/** More endpoints than this are drawn as their least, middle and greatest load. */
const singly = 40;

/** Attempts per second on each endpoint over time, one panel for each policy; `affected` endpoints stand out. */
export function loadChart(
  title: string,
  timelines: readonly Timeline[],
  affected: readonly string[],
): string {
  const body = [text(left, 26, `${title}: load per endpoint`, "start", "title")];
  const key = affected.slice(0, 8);
  for (const [i, name] of key.entries()) {
    body.push(text(right - 70 * (key.length - 1 - i), 26, name, "end"));
    const x = right - 70 * (key.length - 1 - i) - 8 * name.length - 6;
    body.push(
      path(
        [
          [x - 16, 22],
          [x, 22],
        ],
        `class="line" stroke="${colour(i)}"`,
      ),
    );
  }
  for (const [i, timeline] of timelines.entries()) {
    body.push(...panel(timeline, affected, head + i * panelHeight));
  }
  return svg(width, head + timelines.length * panelHeight + 12, `${title}: load per endpoint`, body);
}

function panel(timeline: Timeline, affected: readonly string[], above: number): readonly string[] {
  const { policy, sends, stepMs } = timeline;
  const top = above + 22;
  const bottom = above + panelHeight - 26;
  const loads = Object.entries(sends).map(([name, counts]) => ({
    name,
    rates: counts.map((count) => (1000 * count) / stepMs),
  }));
  const steps = Math.max(1, ...loads.map(({ rates }) => rates.length));
  const x = linear((steps * stepMs) / 1000, left, right);
  const y = linear(Math.max(1, ...loads.map(({ rates }) => Math.max(0, ...rates))), bottom, top);
  const draw = (rates: readonly number[], attributes: string): string =>
    line(rates, stepMs, x, y, attributes);
  const body = [text(left, above + 12, policy)];
  for (const tick of y.ticks) {
    body.push(rule(left, y.at(tick), right, y.at(tick)));
    body.push(text(left - 8, y.at(tick) + 4, `${Number(tick.toFixed(3))}/s`, "end", "dim"));
  }
  for (const tick of x.ticks) body.push(text(x.at(tick), bottom + 16, `${tick} s`, "middle", "dim"));
  const rest = loads.filter(({ name }) => !affected.includes(name)).map(({ rates }) => rates);
  for (const rates of rest.length > singly ? band(rest, steps) : rest) body.push(draw(rates, 'class="rest"'));
  for (const [i, name] of affected.entries()) {
    const load = loads.find((one) => one.name === name);
    if (load !== undefined) body.push(draw(load.rates, `class="line" stroke="${colour(i)}"`));
  }
  return body;
}

function line(rates: readonly number[], stepMs: number, x: Scale, y: Scale, attributes: string): string {
  return path(
    rates.map((rate, step) => [x.at(((step + 0.5) * stepMs) / 1000), y.at(rate)]),
    attributes,
  );
}

/** Least, middle and greatest of many lines, step by step. */
function band(rates: readonly (readonly number[])[], steps: number): readonly (readonly number[])[] {
  const sorted = Array.from({ length: steps }, (_, step) =>
    rates.map((one) => one[step] ?? 0).toSorted((a, b) => a - b),
  );
  return [0, 0.5, 1].map((ratio) =>
    sorted.map((values) => values[Math.round(ratio * (values.length - 1))] ?? Number.NaN),
  );
}
