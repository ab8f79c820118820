import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { scriptedCluster } from "./cluster.ts";
import type { ScriptedCluster } from "./cluster.ts";
import { contractCases } from "./contract-suite.ts";

describe.each([
  { name: "with streamed lists", streamsLists: true, versions: ["v1"] },
  { name: "with plain lists", streamsLists: false, versions: ["v1"] },
  { name: "of the time before v1", streamsLists: false, versions: ["v1beta1"] },
])("the contract of a source, on an API server $name", (options) => {
  let cluster: ScriptedCluster;
  beforeAll(async () => {
    cluster = await scriptedCluster(options);
  });
  afterAll(() => cluster.stop());

  it.each(contractCases(() => cluster))(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );

  it("asked nothing that a client must not ask", () => {
    expect(cluster.server.violations).toEqual([]);
  });
});
