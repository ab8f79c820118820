import { once } from "node:events";

import { describe, expect, it } from "vitest";

import { until } from "../../scripts/servers/index.ts";
import { sumOf } from "../metrics/support/scraped.ts";
import type { Scraped } from "../metrics/support/scraped.ts";
import { Stage } from "./support/stage.ts";
import type { Kind } from "./support/stage.ts";

const calls = "proxyless_client_calls_total";
const kinds: readonly Kind[] = ["cluster", "thread", "process"];

/** Series that may only grow, and did not. */
function shrunk(before: Scraped, after: Scraped): readonly string[] {
  return [...before]
    .filter(([key]) => /_(total|bucket|sum|count)(\{|$)/.test(key))
    .filter(([key, value]) => !((after.get(key) ?? -1) >= value))
    .map(([key]) => key);
}

describe("a worker that goes", () => {
  it.each(kinds)("killed and started again, takes no count along: %s", { timeout: 120_000 }, async (kind) => {
    await using stage = await Stage.start();
    const [first = "", second = ""] = await stage.add(kind, kind);
    for (const worker of [first, second]) await stage.tell(worker, { op: "call", path: "/200", times: 5 });
    await stage.tell(first, { op: "call", path: "/500", times: 3 });
    const before = await stage.scrape();
    expect(sumOf(before, calls)).toBe(13);
    await stage.ask({ op: "kill", worker: first });
    await stage.knows(1);
    const after = await stage.scrape();
    expect(shrunk(before, after)).toEqual([]);
    expect(sumOf(after, calls)).toBe(13);
    expect(sumOf(after, "proxyless_cluster_workers_ended_total")).toBe(1);
    const [third = ""] = await stage.add(kind);
    await stage.tell(third, { op: "call", path: "/500", times: 1 });
    const last = await stage.scrape();
    expect(shrunk(after, last)).toEqual([]);
    expect(sumOf(last, calls, { proxyless_outcome: "success" })).toBe(10);
    expect(sumOf(last, calls, { proxyless_outcome: "failure" })).toBe(4);
  });

  it.each(kinds)("of its own will, says its last numbers: %s", { timeout: 120_000 }, async (kind) => {
    await using stage = await Stage.start();
    const [one = "", two = ""] = await stage.add(kind, kind);
    await stage.tell(one, { op: "call", path: "/200", times: 4 });
    await stage.tell(two, { op: "call", path: "/200", times: 2 });
    await stage.tell(one, { op: "leave" });
    await stage.knows(1);
    expect(sumOf(await stage.scrape(), calls)).toBe(6);
  });

  it.each(kinds)("while it is being asked, holds nobody up: %s", { timeout: 50_000 }, async (kind) => {
    // The deadline is longer than the test.
    await using stage = await Stage.start(60_000);
    const [one = "", two = ""] = await stage.add(kind, kind);
    for (const worker of [one, two]) await stage.tell(worker, { op: "call", path: "/200", times: 2 });
    expect(sumOf(await stage.scrape(), calls)).toBe(4);
    await stage.tell(two, { op: "call", path: "/200", times: 1 });
    stage.begin(one, { op: "block", times: 600_000 });
    const scraped = stage.scrape();
    await until("the other one was asked", 30_000, async () =>
      (await stage.tell(two, { op: "count" })).collections === 2 ? true : undefined,
    );
    await stage.ask({ op: "kill", worker: one });
    expect(sumOf(await scraped, calls)).toBe(5);
  });
});

const twoKinds: readonly Kind[] = ["cluster", "thread"];

describe("a worker that is not itself", () => {
  it.each(twoKinds)("blocked, is left out with its last counts: %s", { timeout: 120_000 }, async (kind) => {
    await using stage = await Stage.start(500);
    const [one = "", two = ""] = await stage.add(kind, kind);
    // Until they are warm the first answers may be late.
    await until("both answer", 30_000, async () =>
      sumOf(await stage.scrape(), "proxyless_cluster_workers", { proxyless_worker_state: "answered" }) === 2
        ? true
        : undefined,
    );
    for (const worker of [one, two]) await stage.tell(worker, { op: "call", path: "/200", times: 3 });
    for (const worker of [one, two]) await stage.tell(worker, { op: "hang", path: "/hang" });
    await until("both tell of it", 30_000, async () => {
      const scraped = await stage.scrape();
      return sumOf(scraped, "http_client_active_requests") === 2 && sumOf(scraped, calls) === 6
        ? true
        : undefined;
    });
    const known = (await stage.lines()).problems.length;
    const { collections } = await stage.tell(one, { op: "count" });
    const { scrapes } = stage;
    const blocked = stage.tell(one, { op: "block", times: 6_000 });
    await stage.tell(two, { op: "call", path: "/200", times: 1 });
    const found = await until("the other one is late alone", 30_000, async () => {
      const scraped = await stage.scrape();
      return sumOf(scraped, "proxyless_cluster_workers", { proxyless_worker_state: "late" }) === 1 &&
        sumOf(scraped, "http_client_active_requests") === 1
        ? scraped
        : undefined;
    });
    expect(sumOf(found, calls)).toBe(7);
    expect((await stage.lines()).problems.slice(known)).toContain(`${one} late`);
    // What came together with the order to block is asked in a turn of its own.
    for (let i = 0; i < 3; i++) await stage.scrape();
    await blocked;
    await until("it answers again", 30_000, async () => {
      const scraped = await stage.scrape();
      return sumOf(scraped, "http_client_active_requests") === 2 ? true : undefined;
    });
    // It was asked several times meanwhile, and answered once for all of them.
    const after = await stage.tell(one, { op: "count" });
    expect(after.collections - collections).toBeLessThan(stage.scrapes - scrapes);
  });

  it.each(twoKinds)("talking nonsense, is skipped and said: %s", { timeout: 120_000 }, async (kind) => {
    await using stage = await Stage.start();
    const [one = "", two = ""] = await stage.add(kind, kind);
    for (const worker of [one, two]) await stage.tell(worker, { op: "call", path: "/200", times: 3 });
    await stage.tell(one, { op: "nonsense" });
    const before = await stage.scrape();
    expect(sumOf(before, calls)).toBe(6);
    await stage.tell(one, { op: "lie" });
    for (const worker of [one, two]) await stage.tell(worker, { op: "call", path: "/200", times: 2 });
    const after = await stage.scrape();
    expect(shrunk(before, after)).toEqual([]);
    expect(sumOf(after, calls)).toBe(8);
    expect(sumOf(after, "proxyless_cluster_answers_skipped_total")).toBe(5);
    const { problems } = await stage.lines();
    expect(problems.filter((problem) => problem.endsWith("skipped"))).toHaveLength(5);
    expect(problems).toContain(`${one} skipped`);
  });
});

describe("a primary that begins anew", () => {
  it("finds its workers again", { timeout: 120_000 }, async () => {
    await using stage = await Stage.start();
    const names = await stage.add("cluster", "thread");
    for (const worker of names) await stage.tell(worker, { op: "call", path: "/200", times: 3 });
    expect(sumOf(await stage.scrape(), calls)).toBe(6);
    stage.url = String(await stage.ask({ op: "again" }));
    await stage.knows(2);
    expect(sumOf(await stage.scrape(), calls)).toBe(6);
  });

  it("killed, leaves no worker behind that waits for it", { timeout: 120_000 }, async () => {
    await using stage = await Stage.start();
    const names = await stage.add("cluster", "process");
    const pid = Number(names[1]?.slice("process-".length));
    const ended = once(stage.primary, "exit");
    stage.primary.kill("SIGKILL");
    await ended;
    const gone = until("the process that it forked has ended", 30_000, () => Promise.resolve(isGone(pid)));
    await expect(gone).resolves.toBe(true);
  });
});

function isGone(pid: number): true | undefined {
  try {
    process.kill(pid, 0);
    return undefined;
  } catch {
    return true;
  }
}
