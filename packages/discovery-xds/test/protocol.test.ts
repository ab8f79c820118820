import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ServedType } from "./support/served-state.ts";
import { Wire } from "./support/wire.ts";

const type = fc.constantFrom<ServedType>("Cluster", "ClusterLoadAssignment");
const name = fc.constantFrom("a", "b");
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("subscribe" as const), type, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), type, name }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      type,
      name,
      number: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 500 }) },
        { weight: 1, arbitrary: fc.constantFrom("bad" as const, "invalid" as const) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), type, name }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("step" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reconnect" as const) }) },
);

describe.each(["sotw", "delta"] as const)("%s", (variant) => {
  it("says nothing wrong, never acknowledges what is bad, and has everything after any history", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.boolean(), (commands, breaksAtLast) => {
        const wire = new Wire(variant);
        wire.reconnect();
        for (const each of commands) {
          if (each.do === "subscribe") wire.subscribe(each.type, each.name);
          else if (each.do === "unsubscribe") wire.unsubscribe(each.type, each.name);
          else if (each.do === "put") wire.put(each.type, each.name, each.number);
          else if (each.do === "remove") wire.state.remove(each.type, each.name);
          else if (each.do === "flush") wire.flush();
          else if (each.do === "reconnect") wire.reconnect();
          else wire.step();
        }
        wire.settle();
        if (breaksAtLast) {
          wire.reconnect();
          wire.settle();
        }
        expect(wire.subscribed().toSorted()).toEqual([...wire.wanted.keys()].toSorted());
        // The last word on each resource, which must reach the client however often it was refused before.
        for (const [i, wanted] of [...wire.wanted.values()].entries()) {
          wire.put(wanted.type, wanted.name, 600 + i);
        }
        wire.settle();
        expect(wire.state.violations).toEqual([]);
        expect(wire.problems).toEqual([]);
        expect(Object.fromEntries(wire.held)).toEqual(
          Object.fromEntries([...wire.wanted.keys()].map((what, i) => [what, 600 + i])),
        );
        // What is gone is gone, where the protocol can say it.
        for (const wanted of wire.wanted.values()) wire.state.remove(wanted.type, wanted.name);
        wire.settle();
        const left = [...wire.held.keys()].filter(
          (what) => variant === "delta" || what.startsWith("Cluster "),
        );
        expect(left).toEqual([]);
      }),
      { seed: 42, numRuns: 1000 },
    );
  });
});
