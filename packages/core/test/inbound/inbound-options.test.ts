import { describe, expect, it } from "vitest";

import { resolveInbound } from "../../src/inbound/inbound-options.ts";
import { createInbound } from "../../src/inbound/index.ts";
import type { InboundOptions } from "../../src/inbound/index.ts";

/** Options as they come out of a file: of any shape. */
function unchecked(json: string): InboundOptions {
  const options: InboundOptions = JSON.parse(json);
  return options;
}

describe("inbound options", () => {
  it("measure, believe every header and leave the answer to the handler by default", () => {
    expect(resolveInbound()).toMatchObject({
      mode: "measure",
      headers: { grpcTimeout: true, envoyTimeout: true, attempt: true, criticality: true },
      maxDeadlineMs: 60_000,
      minDeadlineMs: 1,
      maxRefusedRatio: 0.2,
      respondMs: false,
    });
  });

  it("can believe nothing, or all but some", () => {
    const none = { grpcTimeout: false, envoyTimeout: false, attempt: false, criticality: false };
    expect(resolveInbound({ headers: false }).headers).toEqual(none);
    expect(resolveInbound({ headers: { criticality: false } }).headers).toEqual({
      grpcTimeout: true,
      envoyTimeout: true,
      attempt: true,
      criticality: false,
    });
  });

  it.each([
    ['{"mode":"dark"}', 'mode must be one of off, measure, enforce, got "dark"'],
    ['{"maxDeadline":5}', "maxDeadline must be left out"],
    ['{"maxDeadlineMs":0}', "maxDeadlineMs must be a number from 1 to 2147483647, got 0"],
    ['{"maxDeadlineMs":"1m"}', 'maxDeadlineMs must be a number from 1 to 2147483647, got "1m"'],
    ['{"minDeadlineMs":-1}', "minDeadlineMs must be a number from 0 to 60000, got -1"],
    [
      '{"minDeadlineMs":200,"maxDeadlineMs":100}',
      "minDeadlineMs must be at most maxDeadlineMs (100), got 200",
    ],
    ['{"maxRefusedRatio":20}', "maxRefusedRatio must be a number from 0 to 1, got 20"],
    ['{"respondMs":true}', "respondMs must be a number from 0 to 60000, got true"],
    ['{"headers":true}', "headers must be false or an object, got true"],
    ['{"headers":{"grpcTimeout":"on"}}', 'headers.grpcTimeout must be true or false, got "on"'],
    ['{"headers":{"baggage":true}}', "headers.baggage must be left out"],
    ['{"onEvent":"log"}', 'onEvent must be a function, got "log"'],
  ])("refuse %s", (json, message) => {
    expect(() => createInbound(unchecked(json))).toThrow(message);
  });

  it("let the mode be changed while it runs, to another mode only", () => {
    const inbound = createInbound({ mode: "off" });
    inbound.mode = "enforce";
    expect(() => {
      Object.assign(inbound, { mode: "on" });
    }).toThrow('mode must be one of off, measure, enforce, got "on"');
    expect(inbound.mode).toBe("enforce");
  });
});
