import { describe, expect, it } from "vitest";

import { defaultsOf, milliseconds, promises } from "./recovery-bounds.ts";
import { registries } from "./registries/index.ts";

/** Nacos has its default from the server; this is the one without a word of it. */
const unsaid: Readonly<Record<string, number>> = { intervalMs: 10_000 };

describe("what docs/discovery.md promises after a fault", () => {
  it("is there for every adapter that the suites break", () => {
    expect(promises().map(({ adapter }) => adapter)).toEqual(Object.keys(registries));
  });

  it.each(promises())("is worked out rightly for the defaults of $adapter", (promised) => {
    const options = { ...unsaid, ...defaultsOf(promised.adapter) };
    const inSeconds = [promised.recovery, promised.patience].map((formula) =>
      formula === "-" ? "-" : `${Math.round(milliseconds(formula, options) / 100) / 10} s`,
    );
    expect(promised.byDefault).toEqual(inSeconds);
  });
});
