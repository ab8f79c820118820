import { once } from "node:events";

import { configError } from "@proxyless/core";
import type { MeshEventOf } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { eventTypes } from "../src/catalog/catalog.ts";
import { logEvents, messageFirst } from "../src/index.ts";
import type { EventLog, EventLogOptions, FieldsFirstLogger } from "../src/index.ts";
import { hub, RecordingLogger } from "./support/recording.ts";
import { samples } from "./support/samples.ts";

interface Subject {
  readonly events: ReturnType<typeof hub>;
  readonly logger: RecordingLogger;
  readonly clock: ManualClock;
  readonly log: EventLog;
}

function listening(options: EventLogOptions = {}): Subject {
  const events = hub();
  const logger = new RecordingLogger();
  const clock = new ManualClock();
  return { events, logger, clock, log: logEvents(events, logger, { clock, ...options }) };
}

const ejected = (reason: string, endpoint = "10.0.0.3:80"): MeshEventOf<"endpoint.ejected"> => ({
  ...samples["endpoint.ejected"],
  endpoint,
  reason,
});

const shedAll = (count: number, { events }: Subject): void => {
  for (let i = 0; i < count; i++) events.emit(samples["call.shed"]);
};

describe("a log of events", () => {
  it("says each event in one line for people, and its fields for machines", () => {
    const { events, logger } = listening();
    events.emit(samples["endpoint.ejected"]);
    expect(logger.lines).toEqual([
      {
        level: "warn",
        message: "endpoint 10.0.0.3:80 of orders ejected for 30 s: 5 consecutive 5xx",
        fields: {
          "event.name": "proxyless.endpoint.ejected",
          "server.address": "orders",
          "proxyless.endpoint": "10.0.0.3:80",
          "proxyless.id": "orders-3",
          "proxyless.detector": "consecutive",
          "proxyless.reason": "5 consecutive 5xx",
          "proxyless.ejection_ms": 30_000,
          "proxyless.ejections": 1,
        },
      },
    ]);
  });

  it("gives the ids of the call's own trace, and what hooks tagged", () => {
    const { events, logger } = listening({ levels: { "call.completed": "info" } });
    events.emit(samples["call.completed"]);
    expect(logger.lines[0]?.fields).toMatchObject({
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      span_id: "b7ad6b7169203331",
      trace_flags: "01",
      "proxyless.tag.tenant": "blue",
      "error.type": "ERR_PROXYLESS_TIMEOUT",
    });
  });

  it("leaves out what no format of logs has a word for", () => {
    const { events, logger } = listening();
    events.emit({ ...samples["circuit.opened"], cause: "forced", openMs: Infinity, route: undefined });
    expect(logger.lines[0]?.fields).not.toHaveProperty("proxyless.open_ms");
    expect(logger.lines[0]?.fields).not.toHaveProperty("proxyless.route");
    expect(logger.messages).toEqual([
      "circuit of orders opened: somebody forced it; calls are refused for ever",
    ]);
  });

  it("listens neither to what is off nor to what is never chosen", () => {
    const { events } = listening({ levels: { "endpoint.ejected": false }, shares: { "call.shed": 0 } });
    const types = ["call.completed", "attempt.completed", "endpoint.ejected", "call.shed"] as const;
    expect(types.filter((type) => events.wants(type))).toEqual([]);
    expect(events.wants("circuit.opened")).toBe(true);
  });

  it("has levels of the type, of the caller and of the event", () => {
    const { events, logger } = listening({
      levels: {
        "circuit.closed": "trace",
        "discovery.skipped": ({ entries }) => (entries > 100 ? "error" : false),
      },
    });
    events.emit(samples["circuit.closed"]);
    events.emit(samples["discovery.skipped"]);
    events.emit({ ...samples["discovery.skipped"], entries: 101 });
    events.emit(samples["discovery.error"]);
    events.emit({ ...samples["discovery.error"], class: "auth" });
    expect(logger.lines.map(({ level, fields }) => [level, fields["event.name"]])).toEqual([
      ["trace", "proxyless.circuit.closed"],
      ["error", "proxyless.discovery.skipped"],
      ["warn", "proxyless.discovery.error"],
      ["error", "proxyless.discovery.error"],
    ]);
  });

  it("makes nothing for a level that the logger has switched off", () => {
    const events = hub();
    const logger = Object.assign(new RecordingLogger(), {
      isLevelEnabled: (level: string) => level !== "info",
    });
    const asked: string[] = [];
    const level = (event: { readonly type: string }): "info" => {
      asked.push(event.type);
      return "info";
    };
    using _ = logEvents(events, logger, { levels: { "circuit.opened": level } });
    events.emit(samples["circuit.opened"]);
    events.emit(samples["call.shed"]);
    expect(asked).toEqual(["circuit.opened"]);
    expect(logger.lines.map(({ level: said }) => said)).toEqual(["warn"]);
  });

  it("says a share of a type's events", () => {
    const { events, logger } = listening({
      levels: { "call.completed": "info" },
      shares: { "call.completed": 0.1 },
      random: seededRandom(7),
    });
    for (let i = 0; i < 10_000; i++) events.emit(samples["call.completed"]);
    expect(logger.lines.length).toBeGreaterThan(900);
    expect(logger.lines.length).toBeLessThan(1100);
  });

  it("speaks to loggers that take the message first", () => {
    const said: unknown[] = [];
    const say = (level: string) => (message: string, fields: unknown) => said.push([level, message, fields]);
    const logger = messageFirst({
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
    });
    const events = hub();
    using _ = logEvents(events, logger, { levels: { "circuit.closed": "trace" } });
    events.emit(samples["circuit.closed"]);
    expect(said).toEqual([
      [
        "debug",
        "circuit of /orders/{id} of orders closed: calls pass again",
        expect.objectContaining({ "event.name": "proxyless.circuit.closed" }),
      ],
    ]);
  });
});

describe("a logger without a level of its own", () => {
  it("says what matters enough", () => {
    const said: string[] = [];
    const say = (message: string): unknown => said.push(message);
    const logger = messageFirst({ debug: say, info: say, warn: say, error: say }, "warn");
    const events = hub();
    using _ = logEvents(events, logger);
    for (const type of ["endpoint.added", "discovery.updated", "endpoint.ejected"] as const) {
      events.emit(samples[type]);
    }
    expect(said).toEqual(["endpoint 10.0.0.3:80 of orders ejected for 30 s: 5 consecutive 5xx"]);
    // @ts-expect-error -- what a caller without types may give
    expect(() => messageFirst(console, "verbose")).toThrow("least must be one of");
  });
});

describe("events that are the same", () => {
  it("are said once, and summed up when the window ends", async () => {
    const subject = listening();
    shedAll(413, subject);
    expect(subject.logger.messages).toHaveLength(1);
    await subject.clock.advance(10_000);
    expect(subject.logger.messages).toEqual([
      "a critical call to /orders/{id} of orders was refused by this process: rate_limit; again in 1.5 s",
      "a critical call to /orders/{id} of orders was refused by this process: rate_limit; again in 1.5 s (repeated 412 times in 10 s)",
    ]);
    expect(subject.logger.lines[1]?.fields).toMatchObject({
      "proxyless.repeated": 412,
      "proxyless.repeated_ms": 10_000,
    });
  });

  it("are said once per window while they go on, and at once after a window without them", async () => {
    const subject = listening();
    for (let second = 0; second < 30; second++) {
      shedAll(1, subject);
      await subject.clock.advance(1000);
    }
    expect(subject.logger.messages.map((one) => /\((.*)\)/.exec(one)?.[1])).toEqual([
      undefined,
      "repeated 9 times in 10 s",
      "repeated 10 times in 10 s",
      "repeated 10 times in 10 s",
    ]);
    await subject.clock.advance(10_000);
    expect(subject.clock.pendingTimers).toBe(0);
    shedAll(1, subject);
    expect(subject.logger.messages).toHaveLength(5);
  });

  it("are not those of another endpoint, service or reason; other numbers make no other reason", async () => {
    const { clock, events, logger } = listening();
    events.emit(ejected("success rate 43 % below 80 %"));
    events.emit(ejected("success rate 41 % below 79 %"));
    events.emit(ejected("5 consecutive timeouts"));
    events.emit(ejected("success rate 43 % below 80 %", "10.0.0.4:80"));
    events.emit({ ...ejected("success rate 43 % below 80 %"), service: "stock" });
    expect(logger.messages).toHaveLength(4);
    await clock.advance(10_000);
    expect(logger.messages.slice(4)).toEqual([
      "endpoint 10.0.0.3:80 of orders ejected for 30 s: success rate 41 % below 79 % (repeated once more in 10 s)",
    ]);
  });

  it("are remembered in bounded numbers: the oldest gives way, and is summed up", () => {
    const { events, logger } = listening({ repeats: { maxKeys: 3 } });
    for (let i = 1; i <= 4; i++) {
      events.emit(ejected("timeouts", `10.0.0.${i}:80`));
      events.emit(ejected("timeouts", `10.0.0.${i}:80`));
    }
    expect(logger.messages).toHaveLength(5);
    expect(logger.messages[3]).toContain(
      "10.0.0.1:80 of orders ejected for 30 s: timeouts (repeated once more",
    );
  });

  it("belong to no trace once they are summed up", () => {
    const { events, log, logger } = listening();
    const { trace } = samples["call.completed"];
    for (let i = 0; i < 2; i++) events.emit(Object.assign({ trace }, samples["call.retried"]));
    log.stop();
    expect(logger.lines.map(({ fields }) => fields["trace_id"])).toEqual([trace?.traceId, undefined]);
  });

  it("are all said where that is wanted", () => {
    const subject = listening({ repeats: false });
    shedAll(5, subject);
    expect(subject.logger.messages).toHaveLength(5);
    expect(subject.clock.pendingTimers).toBe(0);
  });
});

describe("stopping a log", () => {
  it("says what is held back, and leaves no listener and no timer", () => {
    const subject = listening();
    shedAll(3, subject);
    subject.log.stop();
    subject.log.stop();
    expect(subject.logger.messages).toHaveLength(2);
    expect(subject.logger.messages[1]).toContain("(repeated 2 times in 0 ms)");
    expect(eventTypes.filter((type) => subject.events.wants(type))).toEqual([]);
    expect(subject.clock.pendingTimers).toBe(0);
  });
});

describe("a logger that fails", () => {
  const broken = (say: () => unknown): FieldsFirstLogger => ({
    debug: say,
    info: say,
    warn: say,
    error: say,
  });

  it.each([
    [
      "at once",
      () => {
        throw new Error("disk full, token=s3cr3t");
      },
    ],
    ["later", () => Promise.reject(new Error("disk full, token=s3cr3t"))],
  ])("%s touches nobody, is counted, and said once", async (_, say) => {
    const events = hub();
    const warning = once(process, "warning");
    const logger = broken(say);
    using log = logEvents(events, logger, { repeats: false });
    events.emit(samples["call.shed"]);
    events.emit(samples["call.shed"]);
    const [told]: unknown[] = await warning;
    expect(told).toMatchObject({
      name: "ProxylessWarning",
      code: "PROXYLESS_LOG",
      message:
        "the logger of the mesh's events failed: disk full, token=…; from now on its failures are only counted",
    });
    expect(log.failures).toBe(2);
  });
});

describe("options that make no sense", () => {
  const logger = new RecordingLogger();

  it.each([
    [{ levels: { "call.shed": "fatal" } }, "levels.call.shed"],
    [{ levels: { "call.shedd": "info" } }, "levels.call.shedd"],
    [{ shares: { "call.shed": 1.5 } }, "shares.call.shed"],
    [{ shares: { "call.shed": NaN } }, "shares.call.shed"],
    [{ repeats: { windowMs: 1 } }, "repeats.windowMs"],
    [{ repeats: { maxKeys: 0 } }, "repeats.maxKeys"],
    [{ repeat: false }, "repeat"],
  ])("%j are refused", (options, field) => {
    const events = hub();
    // @ts-expect-error -- what a caller without types may give
    expect(() => logEvents(events, logger, options)).toThrow(
      expect.objectContaining({ code: configError("", "", "").code, field }),
    );
    expect(eventTypes.filter((type) => events.wants(type))).toEqual([]);
  });

  it("as no logger", () => {
    // @ts-expect-error -- what a caller without types may give
    expect(() => logEvents(hub(), { info: () => undefined })).toThrow("logger must be");
  });
});
