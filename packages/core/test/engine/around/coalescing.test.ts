import { describe, expect, it } from "vitest";

import { runWithContext } from "../../../src/context/call-context.ts";
import { Coalescing } from "../../../src/engine/around/coalescing.ts";
import type { CallRequest, ResponseHeaders, WholeSink } from "../../../src/engine/request.ts";
import { ProxylessError } from "../../../src/errors.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { MeshEvent } from "../../../src/events.ts";
import type { CoalescePolicy } from "../../../src/policies/coalesce/coalesce-policy.ts";
import { resolveCoalesce } from "../../../src/policies/coalesce/resolve-coalesce.ts";
import { Caller, Line, StepClock, place } from "./line.ts";

interface Rig {
  readonly clock: StepClock;
  readonly line: Line;
  readonly layer: Coalescing;
  readonly heard: MeshEvent[];
  /** A caller whose request is under way. */
  readonly call: (request?: Partial<CallRequest>, mode?: "whole" | "streamed", isSlow?: boolean) => Caller;
}

function rigOf(policy: CoalescePolicy = {}): Rig {
  const clock = new StepClock();
  const line = new Line(clock);
  const events = new EventHub();
  const heard: MeshEvent[] = [];
  events.on("call.coalesced", (event) => heard.push(event));
  const resolved = resolveCoalesce(policy, "coalesce");
  if (resolved === false) throw new Error("it is off");
  const layer = new Coalescing(
    { policy: resolved, clock, events, service: "orders", route: undefined, totalMs: 10_000 },
    line.send,
  );
  return {
    clock,
    line,
    layer,
    heard,
    call: (request = {}, mode = "whole", isSlow = false) => {
      const caller = new Caller(request);
      caller.isSlow = isSlow;
      layer.send(caller.request, caller[mode]);
      return caller;
    },
  };
}

describe.each(["whole", "streamed"] as const)("identical calls that take their answer %s", (mode) => {
  it("are sent once, and each gets the answer as its own", () => {
    const { call, clock, heard, layer, line } = rigOf();
    const callers = [call({}, mode), call({}, mode), call({}, mode)];
    clock.advance(20);
    line.sent[0]!.done(200, { etag: '"1"', via: ["a", "b"] }, "body");
    expect(line.sent).toHaveLength(1);
    expect(callers.map(({ status, body, end }) => [status, body, end])).toEqual([
      [200, "body", "answered"],
      [200, "body", "answered"],
      [200, "body", "answered"],
    ]);
    callers[0]!.headers["etag"] = "changed";
    expect(callers[1]!.headers).toEqual({ etag: '"1"', via: ["a", "b"] });
    expect(heard).toMatchObject([
      { type: "call.coalesced", status: 200, durationMs: 20, method: "GET" },
      { type: "call.coalesced", status: 200, error: undefined },
    ]);
    expect([layer.flights, clock.pendingTimers]).toEqual([0, 0]);
  });

  it("are sent again once the answer is there: nothing is kept", () => {
    const { call, line } = rigOf();
    call({}, mode);
    line.sent[0]!.done(200);
    call({}, mode);
    expect(line.sent).toHaveLength(2);
  });

  it("share an error as well", () => {
    const { call, clock, heard, line } = rigOf();
    const callers = [call({}, mode), call({}, mode)];
    const error = new ProxylessError("ERR_PROXYLESS_RESET", "broke", { flag: "UC" });
    line.sent[0]!.fail(error);
    expect(callers.map((caller) => caller.error)).toEqual([error, error]);
    expect(heard).toMatchObject([{ error: "ERR_PROXYLESS_RESET", flag: "UC", status: undefined }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("go on for the others when one leaves, be it the first, and end with the last", () => {
    const { call, clock, layer, line } = rigOf();
    const [first, second, third] = [call({}, mode), call({}, mode), call({}, mode)];
    first.aborter.abort(new Error("one"));
    second.aborter.abort(new Error("two"));
    expect([first.error, second.error, third.end]).toMatchObject([
      { message: "one" },
      { message: "two" },
      undefined,
    ]);
    expect(line.open).toHaveLength(1);
    third.aborter.abort(new Error("three"));
    expect(line.sent[0]).toMatchObject({ isOpen: false, abortedBy: { message: "three" } });
    expect([layer.flights, clock.pendingTimers]).toEqual([0, 0]);
  });

  it("still serve one who came later when the first has left", () => {
    const { call, line } = rigOf();
    const [first, second] = [call({}, mode), call({}, mode)];
    first.aborter.abort(new Error("left"));
    const third = call({}, mode);
    line.sent[0]!.done(200, {}, "x");
    expect([line.sent.length, second.body, third.body, first.status]).toEqual([1, "x", "x", undefined]);
  });

  it("have each its own time", () => {
    const { call, clock, line } = rigOf();
    const long = call({ timeoutMs: 5_000 }, mode);
    const short = call({ timeoutMs: 50 }, mode);
    clock.advance(50);
    expect(short.error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", flag: "DT" });
    expect(line.open).toHaveLength(1);
    line.sent[0]!.done(200);
    expect(long.status).toBe(200);
  });

  it("are sent again together when the time of the first is over and theirs is not", () => {
    const { call, clock, line } = rigOf();
    const first = call({ timeoutMs: 100 }, mode);
    clock.advance(60);
    const others = [call({ timeoutMs: 100 }, mode), call({ timeoutMs: 1_000 }, mode)];
    clock.advance(40);
    expect(first.error).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    expect(line.sent.map(({ isOpen, request }) => [isOpen, request.timeoutMs])).toEqual([
      [false, 100],
      [true, 60],
    ]);
    line.sent[1]!.done(200, {}, "late");
    expect(others.map(({ body }) => body)).toEqual(["late", "late"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("do not share a cookie that is being set, nor an answer that varies by everything", () => {
    for (const headers of [{ "set-cookie": "session=1" }, { vary: "accept, *" }]) {
      const { call, line } = rigOf();
      const [first, second] = [call({}, mode), call({}, mode)];
      line.sent[0]!.done(200, headers, "mine");
      expect([first.body, second.end, line.sent.length]).toEqual(["mine", undefined, 2]);
      line.sent[1]!.done(200, headers, "yours");
      expect(second.body).toBe("yours");
    }
  });

  it("share only what does not vary between them, where few headers tell them apart", () => {
    const { call, line } = rigOf({ headers: [] });
    const [first, same, other] = ["1", "1", "2"].map((plan) => call({ headers: ["x-plan", plan] }, mode));
    line.sent[0]!.done(200, { vary: "Accept, X-Plan" }, "for plan 1");
    expect([first!.body, same!.body, other!.end, line.sent.length]).toEqual([
      "for plan 1",
      "for plan 1",
      undefined,
      2,
    ]);
  });

  it("never share across credentials, paths, methods or the ways to take an answer", () => {
    const { call, line } = rigOf({ headers: [] });
    call({}, mode);
    call({ headers: ["Authorization", "Bearer a"] }, mode);
    call({ headers: ["authorization", "Bearer b"] }, mode);
    call({ headers: ["cookie", "a=1"] }, mode);
    call({ path: "/b" }, mode);
    call({ method: "HEAD" }, mode);
    call({ retry: false }, mode);
    call({ hashKey: "k" }, mode);
    call({ criticality: "sheddable" }, mode);
    call({ rateLimitKey: "k" }, mode);
    call({}, mode === "whole" ? "streamed" : "whole");
    expect(line.sent).toHaveLength(11);
  });

  it.each<Partial<CallRequest>>([
    { method: "POST" },
    { method: "DELETE" },
    { body: "x" },
    { endpoint: "10.0.0.1:80" },
    { explain: () => {} },
    { idempotencyKey: "1" },
  ])("are left alone where %j", (request) => {
    const { call, layer, line } = rigOf();
    call(request, mode);
    call(request, mode);
    expect([line.sent.length, layer.flights]).toEqual([2, 0]);
    expect(line.sent[0]!.request.signal).toBeDefined();
  });

  it("go alone beyond what may wait, and beyond what may be waited for", () => {
    const { call, line } = rigOf({ maxWaiters: 2, maxFlights: 1 });
    call({}, mode);
    call({}, mode);
    call({}, mode);
    call({ path: "/b" }, mode);
    call({ path: "/b" }, mode);
    expect(line.sent.map(({ request }) => request.path)).toEqual(["/a", "/a", "/b", "/b"]);
  });

  it("are not ended by what surrounds the first of them, and go on in their own surroundings", () => {
    const { call, line } = rigOf();
    const leaving = new AbortController();
    const first = runWithContext({ deadline: 5, signal: leaving.signal }, () => call({}, mode));
    const second = place.run("second", () => call({ timeoutMs: 20_000 }, mode));
    leaving.abort();
    expect([first.end, line.open.length]).toEqual([undefined, 1]);
    line.sent[0]!.done(200, { "set-cookie": "a" });
    expect([second.end, line.sent.length]).toEqual([undefined, 2]);
    expect(line.sent.map(({ place: sentIn }) => sentIn)).toEqual([undefined, "second"]);
  });
});

describe("identical calls of which one ends another", () => {
  it("neither answer nor send the one that was ended meanwhile", () => {
    for (const headers of [{}, { "set-cookie": "a=1" }]) {
      const { clock, layer, line } = rigOf();
      const [first, second] = [new Caller(), new Caller()];
      const sink = first.whole;
      const done = (...args: Parameters<WholeSink["done"]>): void => {
        second.aborter.abort(new Error("not needed any more"));
        if (sink.mode === "whole") sink.done(...args);
      };
      layer.send(first.request, { mode: "whole", fail: (error) => sink.fail(error), done });
      layer.send(second.request, second.whole);
      line.sent[0]!.done(200, headers);
      expect([first.status, second.status, second.end, line.sent.length]).toEqual([
        200,
        undefined,
        "failed",
        1,
      ]);
      expect(clock.pendingTimers).toBe(0);
    }
  });
});

describe("identical calls that stream", () => {
  it("show nothing more to one who was cancelled while it paused", () => {
    const { call, line } = rigOf();
    const first = call({}, "streamed", true);
    call({}, "streamed");
    line.sent[0]!.head(200);
    line.sent[0]!.data("kept");
    first.aborter.abort(new Error("left"));
    first.control?.resume();
    expect([first.body, first.end]).toEqual(["", "failed"]);
  });

  it("show the first its answer as it comes, and the others when it is whole", () => {
    const { call, line } = rigOf();
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    const [sent] = line.sent;
    sent!.head(200, { "content-type": "text/plain" });
    sent!.data("one ");
    expect([first.status, first.body, second.status]).toEqual([200, "one ", undefined]);
    const third = call({}, "streamed");
    sent!.data("two");
    sent!.end();
    expect([first.body, second.body, third.body]).toEqual(["one two", "one two", "one two"]);
    expect(line.sent).toHaveLength(1);
  });

  it("are not held up by a first one that does not read", () => {
    const { call, line } = rigOf();
    const first = call({}, "streamed", true);
    const second = call({}, "streamed");
    const [sent] = line.sent;
    sent!.done(200, {}, "all of it");
    expect([first.body, second.body, second.end]).toEqual(["", "all of it", "answered"]);
    first.control?.resume();
    expect([first.body, first.end]).toEqual(["all of it", undefined]);
    first.control?.resume();
    expect(first.end).toBe("answered");
  });

  it("are let go on their own when the answer grows too long, and its pace is the first one's again", () => {
    const { call, heard, line } = rigOf({ maxBytes: 8 });
    const first = call({}, "streamed", true);
    const second = call({}, "streamed");
    const [sent] = line.sent;
    sent!.head(200);
    sent!.data("12345678");
    expect([line.sent.length, sent!.isPaused]).toEqual([1, false]);
    sent!.data("9");
    expect([line.sent.length, sent!.isPaused]).toEqual([2, true]);
    line.sent[1]!.done(200, {}, "my own");
    expect([second.body, heard.length]).toEqual(["my own", 0]);
    for (let i = 0; i < 3; i++) first.control?.resume();
    expect([first.body, sent!.isPaused]).toEqual(["123456789", false]);
    expect(call({}, "streamed").end).toBeUndefined();
    expect(line.sent).toHaveLength(3);
  });

  it.each<ResponseHeaders>([
    { "content-length": "9" },
    { "content-type": "text/event-stream; charset=utf-8" },
  ])("are let go at once where the head says that it is %j", (headers) => {
    const { call, line } = rigOf({ maxBytes: 8 });
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    line.sent[0]!.head(200, headers);
    expect([first.status, second.status, line.sent.length]).toEqual([200, undefined, 2]);
  });

  it("are let go when it comes too slowly", () => {
    const { call, clock, line } = rigOf({ holdMs: 200 });
    const [, second] = [call({}, "streamed"), call({}, "streamed")];
    line.sent[0]!.head(200);
    clock.advance(199);
    expect(line.sent).toHaveLength(1);
    clock.advance(1);
    expect([line.sent.length, second.end, line.open.length]).toEqual([2, undefined, 2]);
    expect(line.sent[1]!.request.timeoutMs).toBe(9_800);
  });

  it("give one who comes late as long as is left of that, and no more", () => {
    const { call, clock, line } = rigOf({ holdMs: 200 });
    call({}, "streamed");
    line.sent[0]!.head(200);
    clock.advance(150);
    call({}, "streamed");
    expect(line.sent).toHaveLength(1);
    clock.advance(50);
    expect(line.sent).toHaveLength(2);
    const { call: another, clock: time, line: second } = rigOf({ holdMs: 200 });
    another({}, "streamed");
    second.sent[0]!.head(200);
    time.advance(200);
    another({}, "streamed");
    expect(second.sent).toHaveLength(2);
  });

  it("go on when the first one drops its answer half way", () => {
    const { call, line } = rigOf();
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    const [sent] = line.sent;
    sent!.head(200);
    sent!.data("a");
    first.leave();
    sent!.data("b");
    sent!.end();
    expect([first.body, second.body]).toEqual(["a", "ab"]);
    expect(sent!.abortedBy).toBeUndefined();
  });

  it("end with the last one that leaves", () => {
    const { call, clock, layer, line } = rigOf();
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    const [sent] = line.sent;
    sent!.head(200);
    second.aborter.abort(new Error("two"));
    expect(sent!.isOpen).toBe(true);
    first.leave();
    expect([sent!.isOpen, layer.flights, clock.pendingTimers]).toEqual([false, 0, 0]);
  });

  it("hand the stream over to the next one when the first has left and it grows too long", () => {
    const { call, line } = rigOf({ maxBytes: 4 });
    const [first, second, third] = [call({}, "streamed"), call({}, "streamed"), call({}, "streamed")];
    const [sent] = line.sent;
    sent!.head(200);
    sent!.data("abc");
    first.leave();
    sent!.data("def");
    expect([second.body, third.status, line.sent.length]).toEqual(["abcdef", undefined, 2]);
    sent!.data("ghi");
    sent!.end();
    expect([second.body, second.end]).toEqual(["abcdefghi", "answered"]);
  });

  it("hand over at the head as well, but never a cookie", () => {
    const { call, line } = rigOf({ maxBytes: 4 });
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    first.aborter.abort(new Error("left"));
    line.sent[0]!.head(200, { "content-length": "100" });
    expect([second.status, line.sent.length]).toEqual([200, 1]);
    const other = rigOf();
    const [one, two] = [other.call({}, "streamed"), other.call({}, "streamed")];
    one.aborter.abort(new Error("left"));
    other.line.sent[0]!.head(200, { "set-cookie": "session=1" });
    expect([two.status, other.line.sent.map(({ isOpen }) => isOpen)]).toEqual([undefined, [false, true]]);
  });

  it("break together when the answer breaks", () => {
    const { call, line } = rigOf();
    const [first, second] = [call({}, "streamed"), call({}, "streamed")];
    const [sent] = line.sent;
    sent!.head(200);
    sent!.data("a");
    sent!.fail(new Error("broke"));
    expect([first.body, first.error, second.status, second.error]).toMatchObject([
      "a",
      { message: "broke" },
      undefined,
      { message: "broke" },
    ]);
  });

  it("ask the one who reads whether the whole body is waited for", () => {
    const { call, layer, line } = rigOf();
    const caller = new Caller();
    const sink = caller.streamed;
    layer.send(
      caller.request,
      sink.mode === "stream" ? { ...sink, wholeBody: (status) => status >= 400 } : sink,
    );
    call({}, "streamed");
    const shared = line.sent[0]!.sink;
    expect(shared.mode === "stream" && [shared.wholeBody?.(200), shared.wholeBody?.(500)]).toEqual([
      false,
      true,
    ]);
  });
});
