import { describe, expect, it } from "vitest";

import { benchPick } from "../../bench/pick.ts";

describe("a pick", () => {
  it(
    "costs among 10,000 endpoints little more than among 100, whatever balances",
    { timeout: 60_000 },
    async () => {
      const rows = await benchPick({ rounds: 5, progress: () => {} });
      const ns = new Map(rows.filter(({ ratio }) => ratio === null).map(({ name, value }) => [name, value]));
      const growth = [...ns].flatMap(([name, many]) => {
        const few = ns.get(name.replace(/ 10000$/, " 100"));
        return name.endsWith(" 10000") && few !== undefined ? [{ name, times: many / few }] : [];
      });
      // The default, as it is and in trouble, and all the others that can be named.
      expect(growth.length).toBeGreaterThanOrEqual(12);
      // A look at each endpoint would cost a hundred times as much. What does grow is the memory that is not in a processor's cache.
      expect(growth.filter(({ times }) => !(times <= 10))).toEqual([]);
    },
  );
});
