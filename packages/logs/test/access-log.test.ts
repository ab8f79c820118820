import { PassThrough } from "node:stream";

import type { MeshEventOf } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { accessLog, jsonFormat } from "../src/index.ts";
import type { AccessLogOptions } from "../src/index.ts";
import { hub } from "./support/recording.ts";
import { samples } from "./support/samples.ts";

type Call = MeshEventOf<"call.completed">;

const fine: Partial<Call> = {
  outcome: "success",
  status: 200,
  error: undefined,
  flag: undefined,
  durationMs: 12,
};

/** What is written of calls. */
function written(calls: readonly Partial<Call>[], options: AccessLogOptions): readonly string[] {
  const events = hub();
  const lines: string[] = [];
  accessLog(events, (line) => lines.push(line), {
    clock: new ManualClock(Date.UTC(2026, 10, 21)),
    ...options,
  });
  for (const call of calls) events.emit({ ...samples["call.completed"], ...call });
  return lines;
}

describe("an access log", () => {
  it("has one line for each call, by the wall clock", () => {
    expect(written([fine, fine], { format: "%START_TIME% %RESPONSE_CODE%" })).toEqual([
      "2026-11-20T23:59:59.988Z 200\n",
      "2026-11-20T23:59:59.988Z 200\n",
    ]);
  });

  it.each<readonly [string, AccessLogOptions["filter"], readonly string[]]>([
    ["everything", undefined, ["/fine", "/slow", "/missing", "/failed", "/gone"]],
    ["errors", { errors: true }, ["/failed", "/gone"]],
    ["slow calls", { slowerThanMs: 500 }, ["/slow"]],
    ["errors and slow calls", { errors: true, slowerThanMs: 500 }, ["/slow", "/failed", "/gone"]],
    ["no share", { share: 0 }, []],
  ])("is of %s", (_, filter, paths) => {
    const calls = [
      { ...fine, path: "/fine" },
      { ...fine, path: "/slow", durationMs: 500.5 },
      { ...fine, path: "/missing", status: 404 },
      { path: "/failed", durationMs: 3 },
      { ...fine, path: "/gone", outcome: "ignored" as const, status: undefined, flag: "DC" as const },
    ];
    const lines = written(calls, { format: "%REQ(:PATH)%", ...(filter === undefined ? {} : { filter }) });
    expect(lines.map((line) => line.trim())).toEqual(paths);
  });

  it("is of all errors and a share of the rest", () => {
    const calls = Array.from({ length: 10_000 }, (_, i) => (i % 100 === 0 ? { durationMs: 1 } : fine));
    const filter = { errors: true, share: 0.05 };
    const lines = written(calls, { format: "%RESPONSE_CODE%", filter, random: seededRandom(3) });
    expect(lines.filter((line) => line === "0\n")).toHaveLength(100);
    expect(lines.length).toBeGreaterThan(500);
    expect(lines.length).toBeLessThan(700);
  });

  it("ends without a listener, a timer or an end of the stream", async () => {
    const events = hub();
    const clock = new ManualClock();
    const stream = new PassThrough();
    const log = accessLog(events, stream, { clock, format: jsonFormat });
    events.emit(samples["call.completed"]);
    await log.stop();
    await log.stop();
    expect(events.wants("call.completed")).toBe(false);
    expect(clock.pendingTimers).toBe(0);
    expect(["drain", "error"].map((name) => stream.listenerCount(name))).toEqual([0, 0]);
    expect(stream.writableEnded).toBe(false);
    events.emit(samples["call.completed"]);
    expect(String(stream.read()).split("\n")).toHaveLength(2);
    expect({ dropped: log.dropped, failures: log.failures }).toEqual({ dropped: 0, failures: 0 });
  });

  it("breaks no call where its destination fails", () => {
    const events = hub();
    const log = accessLog(events, () => {
      throw new Error("broken");
    });
    events.emit(samples["call.completed"]);
    events.emit(samples["call.completed"]);
    expect(log.failures).toBe(2);
  });

  it.each([
    [{ maxBufferedLines: -1 }, "maxBufferedLines"],
    [{ flushMs: 60_001 }, "flushMs"],
    [{ filter: { share: 2 } }, "filter.share"],
    [{ filter: { slowerThanMs: "1s" } }, "filter.slowerThanMs"],
    [{ filter: { errors: 1 } }, "filter.errors"],
    [{ filter: { error: true } }, "filter.error"],
    [{ format: 1 }, "format"],
    [{ format: { path: "%REQ(COOKIE)%" } }, "format.path"],
    [{ omitEmpty: "yes" }, "omitEmpty"],
    [{ onDropped: 1 }, "onDropped"],
    [{ fromat: "" }, "fromat"],
  ])("refuses %j", (options, field) => {
    const events = hub();
    // @ts-expect-error -- what a caller without types may give
    expect(() => accessLog(events, () => undefined, options)).toThrow(expect.objectContaining({ field }));
    expect(events.wants("call.completed")).toBe(false);
  });

  it("refuses what cannot be written to", () => {
    const ended = new PassThrough();
    ended.destroy();
    // @ts-expect-error -- what a caller without types may give
    expect(() => accessLog(hub(), { write: () => true })).toThrow("destination must be");
    expect(() => accessLog(hub(), ended)).toThrow("destination must be");
  });
});
