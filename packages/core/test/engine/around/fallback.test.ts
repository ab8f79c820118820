import { describe, expect, it } from "vitest";

import { FallbackLayer } from "../../../src/engine/around/fallback-layer.ts";
import type { CallRequest, ResponseHeaders } from "../../../src/engine/request.ts";
import { ProxylessError } from "../../../src/errors.ts";
import type { Phase } from "../../../src/errors.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { MeshEvent } from "../../../src/events.ts";
import type { FallbackFailure, FallbackPolicy } from "../../../src/policies/fallback/fallback-policy.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";
import { Caller, Line, StepClock } from "./line.ts";

interface Rig {
  readonly clock: StepClock;
  readonly line: Line;
  /** What was sent to the other service. */
  readonly other: Line;
  readonly heard: MeshEvent[];
  readonly layer: FallbackLayer;
  readonly call: (request?: Partial<CallRequest>, isSlow?: boolean) => Caller;
}

function rigOf(policy: FallbackPolicy, mode: "whole" | "streamed" = "whole"): Rig {
  const clock = new StepClock();
  const line = new Line(clock);
  const other = new Line(clock);
  const events = new EventHub();
  const heard: MeshEvent[] = [];
  events.on("call.fell_back", (event) => heard.push(event));
  events.on("call.fallback_failed", (event) => heard.push(event));
  const resolved = resolveFallback(policy, "fallback");
  if (resolved === false) throw new Error("it is off");
  const layer = new FallbackLayer(
    {
      policy: resolved,
      clock,
      events,
      service: "orders",
      route: undefined,
      totalMs: 1_000,
      sendElsewhere: (service, request, sink) => {
        expect(service).toBe("backup");
        other.send(request, sink);
      },
    },
    line.send,
  );
  return {
    clock,
    line,
    other,
    heard,
    layer,
    call: (request = {}, isSlow = false) => {
      const caller = new Caller(request);
      caller.isSlow = isSlow;
      layer.send(caller.request, caller[mode]);
      return caller;
    },
  };
}

function reset(phase: Phase = "sent"): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_RESET", "broke", { phase });
}

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe.each(["whole", "streamed"] as const)("a fallback of calls that take their answer %s", (mode) => {
  it("is not asked where the call goes well, or fails in a way it is not for", () => {
    const { call, heard, line } = rigOf({ value: { body: "instead" } }, mode);
    const [good, bad] = [call(), call()];
    line.sent[0]!.done(200, { etag: "1" }, "mine");
    line.sent[1]!.done(404, {}, "no such order");
    expect([good.body, good.headers, bad.status, bad.body]).toEqual([
      "mine",
      { etag: "1" },
      404,
      "no such order",
    ]);
    expect(heard).toEqual([]);
  });

  it("answers a value instead of a status or an error, marked", () => {
    const { call, clock, heard, line } = rigOf({ value: { status: 203, json: { items: [] } } }, mode);
    const [one, two] = [call(), call()];
    line.sent[0]!.done(502, {}, "bad gateway");
    line.sent[1]!.fail(reset());
    for (const caller of [one, two]) {
      expect([caller.status, caller.body, caller.end]).toEqual([203, '{"items":[]}', "answered"]);
      expect(caller.headers).toEqual({
        "content-type": "application/json",
        "content-length": "12",
        "x-proxyless-fallback": "value",
      });
    }
    expect(heard).toMatchObject([
      { type: "call.fell_back", to: "value", failedStatus: 502, failedError: undefined, status: 203 },
      { to: "value", failedStatus: undefined, failedError: "ERR_PROXYLESS_RESET", status: 203 },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("answers HEAD without a body", () => {
    const { call, line } = rigOf({ value: { body: "instead" } }, mode);
    const caller = call({ method: "HEAD" });
    line.sent[0]!.fail(reset());
    expect([caller.status, caller.headers["content-length"], caller.body]).toEqual([200, "7", ""]);
  });

  it("answers nothing to one who has given up", () => {
    const { call, heard, line } = rigOf({ value: { body: "instead" } }, mode);
    const caller = call();
    caller.aborter.abort(new Error("left"));
    expect(caller.error).toMatchObject({ message: "left" });
    const other = call();
    Object.defineProperty(other.aborter.signal, "aborted", { value: true });
    line.sent[1]!.fail(reset());
    expect([other.error, heard.length]).toMatchObject([{ code: "ERR_PROXYLESS_RESET" }, 0]);
  });

  it("shows the failure as it is where nothing has an answer", async () => {
    const { call, clock, heard, line } = rigOf({ run: () => undefined }, mode);
    const [one, two] = [call(), call()];
    line.sent[0]!.done(500, { server: "x" }, "kaputt");
    const error = reset();
    line.sent[1]!.fail(error);
    await settled();
    expect([one.status, one.headers, one.body, one.end]).toEqual([
      500,
      { server: "x" },
      "kaputt",
      "answered",
    ]);
    expect(two.error).toBe(error);
    expect(heard).toMatchObject([
      { type: "call.fallback_failed", to: "function", reason: "it had no answer" },
      { type: "call.fallback_failed" },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("asks a function, which is told what failed", async () => {
    const told: FallbackFailure[] = [];
    const run = async (failure: FallbackFailure): Promise<{ body: Uint8Array }> => {
      told.push(failure);
      await Promise.resolve();
      return { body: new TextEncoder().encode("from the function") };
    };
    const { call, clock, line } = rigOf({ run }, mode);
    const caller = call({ path: "/a?b", headers: ["x", "1"] });
    line.sent[0]!.done(503);
    await settled();
    expect([caller.body, caller.headers]).toEqual([
      "from the function",
      { "content-length": "17", "x-proxyless-fallback": "function" },
    ]);
    expect(told).toMatchObject([
      { service: "orders", method: "GET", path: "/a?b", headers: ["x", "1"], status: 503, error: undefined },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on to the value where the function throws, answers nonsense, or takes too long", async () => {
    const ways: FallbackPolicy["run"][] = [
      () => {
        throw new Error("no database");
      },
      () => ({ status: 7 }),
      () => new Promise(() => {}),
    ];
    const reasons: string[] = [];
    for (const run of ways) {
      const { call, clock, heard, line } = rigOf({ run, value: { body: "at last" }, timeoutMs: 50 }, mode);
      const caller = call();
      line.sent[0]!.fail(reset());
      await settled();
      clock.advance(50);
      expect([caller.body, clock.pendingTimers]).toEqual(["at last", 0]);
      expect(heard[1]).toMatchObject({ type: "call.fell_back", to: "value" });
      reasons.push(heard[0]?.type === "call.fallback_failed" ? heard[0].reason : "");
    }
    expect(reasons).toEqual([
      "no database",
      "run().status must be a whole number from 200 to 599, got 7",
      "the fallback took too long",
    ]);
  });

  it("gives the function what is left of the call's time, and tells it when that or the caller is gone", async () => {
    const signals: AbortSignal[] = [];
    const run = ({ signal }: FallbackFailure): Promise<undefined> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { call, clock, line } = rigOf({ run }, mode);
    const [late, gone] = [call(), call()];
    clock.advance(900);
    for (const sent of line.sent) sent.fail(reset());
    await settled();
    gone.aborter.abort(new Error("left"));
    expect([gone.error, signals.map(({ aborted }) => aborted)]).toMatchObject([
      { message: "left" },
      [false, true],
    ]);
    clock.advance(99);
    expect(late.end).toBeUndefined();
    clock.advance(1);
    expect([late.error, signals[0]!.aborted, clock.pendingTimers]).toMatchObject([
      { code: "ERR_PROXYLESS_RESET" },
      true,
      0,
    ]);
  });

  it("has a function that answers at once even where the time is over", async () => {
    const { call, clock, line } = rigOf({ run: () => ({ body: "quick" }) }, mode);
    const caller = call();
    clock.advance(1_500);
    line.sent[0]!.fail(reset());
    await settled();
    expect([caller.body, clock.pendingTimers]).toEqual(["quick", 0]);
  });

  it("asks another service, marked, in what is left of the time", () => {
    const { call, clock, heard, line, other } = rigOf({ service: "backup" }, mode);
    const caller = call({ endpoint: "10.0.0.1:80", headers: ["x", "1"] });
    clock.advance(300);
    line.sent[0]!.fail(reset());
    expect(other.sent[0]!.request).toMatchObject({ path: "/a", headers: ["x", "1"], timeoutMs: 700 });
    expect(other.sent[0]!.request.endpoint).toBeUndefined();
    other.sent[0]!.done(200, { etag: "2" }, "from the backup");
    expect([caller.body, caller.headers]).toEqual([
      "from the backup",
      { etag: "2", "x-proxyless-fallback": "service" },
    ]);
    expect(heard).toMatchObject([{ type: "call.fell_back", to: "service", status: 200 }]);
  });

  it("goes on where the other service fails as well", () => {
    const { call, heard, line, other } = rigOf({ service: "backup", value: { body: "at last" } }, mode);
    const [one, two] = [call(), call()];
    line.sent[0]!.fail(reset());
    other.sent[0]!.fail(reset());
    line.sent[1]!.fail(reset());
    other.sent[1]!.done(500);
    expect([one.body, two.body, other.open.length]).toEqual(["at last", "at last", 0]);
    expect(heard.filter(({ type }) => type === "call.fallback_failed")).toMatchObject([
      { to: "service", reason: "ERR_PROXYLESS_RESET" },
      { to: "service", reason: "status 500" },
    ]);
  });

  it("cancels the other service with the caller", () => {
    const { call, line, other } = rigOf({ service: "backup", value: { body: "x" } }, mode);
    const caller = call();
    line.sent[0]!.fail(reset());
    caller.aborter.abort(new Error("left"));
    expect([caller.error, other.open.length]).toMatchObject([{ message: "left" }, 0]);
  });

  it("sends what must not be sent twice elsewhere only if the first service cannot have seen it", () => {
    const cases: [Partial<CallRequest>, ProxylessError | number, number][] = [
      [{ method: "POST", body: "x" }, reset("connect"), 1],
      [{ method: "POST", body: "x" }, reset("sent"), 0],
      [{ method: "POST", body: "x" }, 503, 0],
      [{ method: "POST", body: "x", idempotencyKey: "k" }, reset("sent"), 1],
      [{ method: "POST", body: "x", retry: { idempotent: true } }, 503, 1],
      [{ method: "PUT", body: "x" }, 503, 1],
      [{ method: "PUT", body: (async function* () {})() }, reset("connect"), 0],
      [{ method: "PUT", body: async function* () {} }, 503, 1],
    ];
    for (const [request, failure, sent] of cases) {
      const { call, line, other } = rigOf({ service: "backup" }, mode);
      call(request);
      if (typeof failure === "number") line.sent[0]!.done(failure);
      else line.sent[0]!.fail(failure);
      expect(other.sent).toHaveLength(sent);
    }
  });

  it("leaves the other service out where no time is left, unless it was given time of its own", () => {
    const { call, clock, line, other } = rigOf({ service: "backup" }, mode);
    const caller = call({ timeoutMs: 1_000 });
    clock.advance(1_000);
    expect([line.open.length, other.sent.length, caller.error]).toMatchObject([
      0,
      0,
      { code: "ERR_PROXYLESS_TIMEOUT" },
    ]);
    const patient = rigOf({ service: "backup", timeoutMs: 200 }, mode);
    patient.call({ timeoutMs: 1_000 });
    patient.clock.advance(1_000);
    expect(patient.other.sent[0]!.request.timeoutMs).toBe(200);
  });

  it("answers what was answered last, with its age, while it is not too old", () => {
    const { call, clock, heard, layer, line } = rigOf({ stale: { maxAgeMs: 60_000 } }, mode);
    call();
    line.sent[0]!.done(200, { etag: '"1"', age: "5" }, "good");
    clock.advance(30_500);
    const caller = call();
    line.sent[1]!.fail(reset());
    expect([caller.status, caller.body, caller.headers]).toEqual([
      200,
      "good",
      { etag: '"1"', age: "35", "x-proxyless-fallback": "stale" },
    ]);
    expect(heard).toMatchObject([{ to: "stale", status: 200 }]);
    clock.advance(30_000);
    const late = call();
    line.sent[2]!.done(500, {}, "kaputt");
    expect([late.status, late.body, layer.stale?.size]).toEqual([500, "kaputt", 0]);
  });

  it("keeps no failed answer, no cookie, and nobody else's answer", () => {
    const { call, line } = rigOf({ stale: { maxAgeMs: 60_000 } }, mode);
    const first: [Partial<CallRequest>, number, ResponseHeaders][] = [
      [{ path: "/1" }, 404, {}],
      [{ path: "/2" }, 200, { "set-cookie": "a=1" }],
      [{ path: "/3", headers: ["authorization", "me"] }, 200, {}],
      [{ path: "/4", method: "POST" }, 200, {}],
    ];
    for (const [request, status, headers] of first) {
      call(request);
      line.sent.at(-1)!.done(status, headers, "x");
    }
    for (const path of ["/1", "/2", "/3", "/4"]) {
      const caller = call({ path });
      line.sent.at(-1)!.fail(reset());
      expect(caller.error).toMatchObject({ code: "ERR_PROXYLESS_RESET" });
    }
  });

  it("takes the first that has an answer: stale, service, function, value", async () => {
    const policy: FallbackPolicy = {
      stale: { maxAgeMs: 60_000 },
      service: "backup",
      run: ({ path }) => (path === "/run" ? { body: "function" } : undefined),
      value: { body: "value" },
    };
    const { call, line, other } = rigOf(policy, mode);
    call({ path: "/stale" });
    line.sent[0]!.done(200, {}, "stale");
    const bodies: string[] = [];
    for (const path of ["/stale", "/service", "/run", "/value"]) {
      const caller = call({ path });
      line.sent.at(-1)!.fail(reset());
      if (path === "/service") other.sent.at(-1)!.done(200, {}, "service");
      else if (path !== "/stale") other.sent.at(-1)!.fail(reset());
      await settled();
      bodies.push(caller.body);
    }
    expect(bodies).toEqual(["stale", "service", "function", "value"]);
  });
});

describe("a fallback of calls that stream", () => {
  it("does not replace what has begun to stream to the caller", () => {
    const { call, heard, line } = rigOf({ value: { body: "instead" } }, "streamed");
    const caller = call();
    line.sent[0]!.head(200);
    line.sent[0]!.data("half of");
    line.sent[0]!.fail(reset("body"));
    expect([caller.body, caller.error, heard.length]).toMatchObject([
      "half of",
      { code: "ERR_PROXYLESS_RESET" },
      0,
    ]);
  });

  it("replaces a failed answer that breaks off", () => {
    const { call, line } = rigOf({ value: { body: "instead" } }, "streamed");
    const caller = call();
    line.sent[0]!.head(500);
    line.sent[0]!.data("half of");
    line.sent[0]!.fail(reset("body"));
    expect([caller.status, caller.body]).toEqual([200, "instead"]);
  });

  it("keeps only the beginning of a long failed answer, and drops it where there is another", () => {
    const { call, line } = rigOf({ value: { body: "instead" } }, "streamed");
    const caller = call();
    line.sent[0]!.head(500);
    line.sent[0]!.data("x".repeat(65_536));
    expect([caller.status, line.sent[0]!.isPaused]).toEqual([undefined, false]);
    line.sent[0]!.data("x");
    expect([caller.body, line.sent[0]!.isOpen]).toEqual(["instead", false]);
  });

  it("hands a long failed answer on at the caller's pace where there is no other", async () => {
    const { call, line } = rigOf({ run: () => undefined }, "streamed");
    const caller = call({}, true);
    const [sent] = line.sent;
    sent!.head(500);
    sent!.data("x".repeat(65_536));
    sent!.data("y");
    expect(sent!.isPaused).toBe(true);
    await settled();
    expect([caller.status, caller.body.length, sent!.isPaused]).toEqual([500, 0, true]);
    caller.control?.resume();
    caller.control?.resume();
    caller.control?.resume();
    expect([caller.body.length, sent!.isPaused]).toEqual([65_537, false]);
    sent!.data("z");
    caller.control?.resume();
    sent!.end();
    expect([caller.body.at(-1), caller.end]).toEqual(["z", "answered"]);
  });

  it("takes what becomes of a long failed answer while another is looked for", async () => {
    for (const isAnswered of [true, false]) {
      const { call, line } = rigOf({ run: () => (isAnswered ? { body: "instead" } : undefined) }, "streamed");
      const caller = call();
      line.sent[0]!.head(500);
      line.sent[0]!.data("x".repeat(65_537));
      line.sent[0]!.fail(reset("body"));
      await settled();
      expect([caller.body, caller.error !== undefined]).toEqual(isAnswered ? ["instead", false] : ["", true]);
    }
  });

  it("waits for the whole body of a failed answer, and does not keep too long a good one", () => {
    const { call, layer, line } = rigOf({ stale: { maxAgeMs: 60_000, maxEntryBytes: 3 } }, "streamed");
    call();
    const { sink } = line.sent[0]!;
    expect(sink.mode === "stream" && [sink.wholeBody?.(500), sink.wholeBody?.(200)]).toEqual([true, false]);
    line.sent[0]!.done(200, {}, "long");
    expect(layer.stale?.size).toBe(0);
    call();
    line.sent[1]!.done(200, {}, "yes");
    expect(layer.stale?.size).toBe(1);
  });
});
