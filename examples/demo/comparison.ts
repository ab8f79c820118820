import { roundRobinFetch } from "./baseline.ts";
import { AttemptStats } from "./endpoint-stats.ts";
import type { Fleet } from "./fleet.ts";
import { governed } from "./governed.ts";
import type { Instance } from "./instance.ts";
import { openLivePage } from "./live-page.ts";
import { Meter } from "./meter.ts";
import type { Caller } from "./meter.ts";
import { openMetrics } from "./metrics.ts";
import type { DemoOptions } from "./options.ts";
import type { Registry } from "./registry.ts";
import type { Screen } from "./screen.ts";
import { complaint, json, summary } from "./summary.ts";
import { runTimeline } from "./timeline.ts";
import { openLoop } from "./traffic.ts";
import { look } from "./view.ts";

/** The same arrivals in every run. */
const seed = 20_251;

/** What the comparison runs on. */
export interface Stage {
  readonly registry: Registry;
  /** Three instances that serve. */
  readonly fleet: Fleet;
  /** One that waits to serve. */
  readonly replacement: Instance;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** The same traffic through both sides while the instances suffer. @returns the exit code */
export async function compare(
  { dashboard, json: wantsJson, metrics, rate, seconds }: DemoOptions,
  stage: Stage,
): Promise<number> {
  const { registry, fleet, screen } = stage;
  const ours = governed(registry.source);
  const theirs = roundRobinFetch(() => registry.addresses());
  const { mesh } = ours;
  const end = new AbortController();
  const signal = AbortSignal.any([stage.signal, end.signal]);
  const page = dashboard ? await openLivePage(mesh) : undefined;
  const scraped = metrics ? await openMetrics(mesh) : undefined;
  screen.say(
    `3 instances of "orders", known from ${registry.description}; ` +
      `${rate} calls per second for ${seconds} s through proxyless, and the same through round-robin fetch`,
  );
  if (page !== undefined) screen.say(`the live page: ${page.url}`);
  if (scraped !== undefined) screen.say(`metrics for Prometheus: ${scraped.url}`);
  try {
    await warmUp([ours, theirs]);
    const stats = new AttemptStats(mesh);
    const proxyless = new Meter(ours);
    const baseline = new Meter(theirs);
    const startedAt = performance.now();
    const say = (text: string): void => {
      screen.report(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${text}`);
    };
    screen.follow(() => look({ startedAt, seconds, mesh, stats, fleet, proxyless, baseline }));
    const traffic = openLoop({ rate, seconds, seed, signal }, (number, dueAt) => {
      // One call each, due at the same moment; they take turns in going first.
      const pair = number % 2 === 0 ? [proxyless, baseline] : [baseline, proxyless];
      for (const meter of pair) meter.start(String(number), dueAt);
    });
    const [deeds] = await Promise.all([runTimeline({ ...stage, seconds, signal, say }), traffic]);
    await Promise.all([proxyless.settled(), baseline.settled()]);
    screen.settle();

    const outcome = {
      proxyless: proxyless.result(),
      baseline: baseline.result(),
      retries: stats.retries,
      deeds,
    };
    for (const text of [...summary(outcome), ...complaint(proxyless)]) screen.say(text);
    if (wantsJson) process.stdout.write(`${json(outcome)}\n`);
    return proxyless.failed === 0 ? 0 : 1;
  } finally {
    end.abort();
    screen.settle();
    await page?.close();
    await scraped?.close();
    await mesh.close();
  }
}

/** The first calls of a process load and compile code and connect; neither side is measured by them. */
async function warmUp(callers: readonly Caller[]): Promise<void> {
  await Promise.all(
    callers.map((caller) => Promise.all(Array.from({ length: 30 }, (_, i) => caller.call(String(i))))),
  );
}
