import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { catalog, eventTypes } from "../src/catalog/catalog.ts";
import { logEvents } from "../src/index.ts";
import { hub, RecordingLogger } from "./support/recording.ts";
import { samples } from "./support/samples.ts";

/** What is said of each sample. */
function linesOfAll(): ReadonlyMap<string, { readonly level: string; readonly message: string }> {
  const lines = new Map<string, { level: string; message: string }>();
  for (const type of eventTypes) {
    const events = hub();
    const logger = new RecordingLogger();
    const isOff = catalog[type].level === false;
    using _ = logEvents(events, logger, isOff ? { levels: { [type]: "info" } } : {});
    events.emit(samples[type]);
    for (const { level, message } of logger.lines) lines.set(type, { level: isOff ? "off" : level, message });
  }
  return lines;
}

const lines = linesOfAll();

describe("the lines", () => {
  it("say every type of event, with the service and without holes", () => {
    expect([...lines.keys()]).toEqual([...eventTypes]);
    const holed = [...lines].filter(
      ([, { message }]) => !message.includes("orders") || /undefined|NaN|\[object|null|\n/.test(message),
    );
    expect(holed).toEqual([]);
  });

  it.each([
    [
      "call.completed",
      "GET /orders/{id} of orders: ERR_PROXYLESS_TIMEOUT (DT) after 2 s from 10.0.0.3:80, 3 attempts",
    ],
    ["attempt.completed", "attempt 2 of a call to orders at 10.0.0.3:80: status 503 after 12 ms"],
    [
      "circuit.opened",
      "circuit of /orders/{id} of orders opened: 63 % of 40 calls failed; calls are refused for 5 s",
    ],
    [
      "fault.injected",
      "injected into attempt 1 at 10.0.0.3:80 of a call to /orders/{id} of orders: a delay of 200 ms, then reset",
    ],
    [
      "call.fell_back",
      "GET of /orders/{id} of orders failed (ERR_PROXYLESS_CIRCUIT_OPEN) and was answered by its fallback (stale): 200",
    ],
    [
      "policy.refused",
      "policy document v8 for orders was refused: retry.maxAttempts: must be a whole number from 1 to 10, got 0",
    ],
    ["discovery.updated", "orders has 5 endpoints (2 added, 0 updated, 1 removed; consul)"],
    ["discovery.recovered", "discovery of orders by consul works again, after 61 s"],
    [
      "registration.status",
      "consul has not heard yet that instance orders-3 of orders is degraded (disk 91 %)",
    ],
  ])("%s", (type, message) => {
    expect(lines.get(type)?.message).toBe(message);
  });
});

describe("docs/logs.md", () => {
  it("has the level and the line of every type", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/logs.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z_.]+)` +\| ([^|]+?) +\| (.+?) +\|$/gm)];
    const told = rows
      .filter(([, type = ""]) => lines.has(type))
      .map(([, type, level, line]) => [type, level, line]);
    expect(told).toEqual([...lines].map(([type, { level, message }]) => [type, level, message]));
  });
});
