import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Verb } from "./api-server.ts";
import { scriptedCluster } from "./cluster.ts";
import type { ScriptedCluster } from "./cluster.ts";
import { protocolSuite } from "./protocol-suite.ts";
import { watchSuite } from "./watch-suite.ts";

const tokens = {
  reader: "reader-0123456789abcdef",
  stranger: "stranger-0123456789abcdef",
  lister: "lister-0123456789abcdef",
};
const rights = new Map<string, readonly Verb[]>([
  ["admin-0123456789abcdef", ["list", "watch", "write"]],
  [tokens.reader, ["list", "watch"]],
  [tokens.stranger, []],
  [tokens.lister, ["list"]],
]);

describe.each([{ streamsLists: true }, { streamsLists: false }])(
  "the scripted API server, streaming lists: $streamsLists",
  ({ streamsLists }) => {
    let cluster: ScriptedCluster;
    beforeAll(async () => {
      cluster = await scriptedCluster({
        streamsLists,
        tokens: rights,
        adminToken: "admin-0123456789abcdef",
        readerToken: tokens.reader,
      });
    });
    afterAll(() => cluster.stop());

    watchSuite(() => cluster);

    it("was asked nothing that a client must not ask", () => {
      expect(cluster.server.violations).toEqual([]);
    });

    protocolSuite(() => cluster, { streamsLists, tokens });
  },
);
