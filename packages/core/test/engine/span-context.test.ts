import { ROOT_CONTEXT, createContextKey, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";

import { SpanContext } from "../../src/engine/span-context.ts";

const color = createContextKey("color");
const shape = createContextKey("shape");

function spanOf(digit: string): ReturnType<typeof trace.wrapSpanContext> {
  return trace.wrapSpanContext({ traceId: digit.repeat(32), spanId: digit.repeat(16), traceFlags: 1 });
}

describe("the context below a span", () => {
  const above = trace.setSpan(ROOT_CONTEXT.setValue(color, "red"), spanOf("1"));
  const span = spanOf("2");
  const below = new SpanContext(above, span);

  it("has this span, and everything else that stands above", () => {
    expect(trace.getSpan(below)).toBe(span);
    expect(trace.getSpanContext(below)).toBe(span.spanContext());
    expect(below.getValue(color)).toBe("red");
    expect(below.getValue(shape)).toBeUndefined();
  });

  it("keeps both in what is made of it", () => {
    const more = below.setValue(shape, "round");
    expect([trace.getSpan(more), more.getValue(color), more.getValue(shape)]).toEqual([span, "red", "round"]);
    const less = more.deleteValue(color);
    expect([trace.getSpan(less), less.getValue(color)]).toEqual([span, undefined]);
    expect(trace.getSpan(trace.deleteSpan(below))).toBeUndefined();
    const other = spanOf("3");
    expect(trace.getSpan(trace.setSpan(below, other))).toBe(other);
  });

  it("leaves the one above as it was", () => {
    expect(trace.getSpan(above)?.spanContext().traceId).toBe("1".repeat(32));
  });
});
