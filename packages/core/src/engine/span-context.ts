import { trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";

/**
 * The context below a span, as `trace.setSpan` makes it, without a copy of everything that stands in the one above: a call makes two
 * of them, and each copy would cost as much as half a span.
 */
export class SpanContext implements Context {
  readonly #parent: Context;
  readonly #span: Span;

  constructor(parent: Context, span: Span) {
    this.#parent = parent;
    this.#span = span;
  }

  getValue(key: symbol): unknown {
    return key === spanKey ? this.#span : this.#parent.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return trace.setSpan(this.#parent, this.#span).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return trace.setSpan(this.#parent, this.#span).deleteValue(key);
  }
}

/** The key is the API's own: it is learnt from what the API does. */
const spanKey: symbol = learnKey();

function learnKey(): symbol {
  let learnt = Symbol("span");
  const asked: Context = {
    getValue(key) {
      learnt = key;
    },
    setValue: () => asked,
    deleteValue: () => asked,
  };
  trace.getSpan(asked);
  return learnt;
}
