import { afterAll, beforeAll } from "vitest";

import { statusJson } from "./api-answers.ts";
import { scriptedCluster } from "./cluster.ts";
import type { ScriptedCluster } from "./cluster.ts";
import { meshSuite, processFaults } from "./mesh-suite.ts";
import type { Fault } from "./mesh-suite.ts";

let cluster: ScriptedCluster;

const whatever = async (): Promise<void> => {
  cluster.server.script = undefined;
};

const scripted: readonly Fault[] = [
  {
    name: "without its history (410)",
    begin: async () => {
      const gone = JSON.stringify({ type: "ERROR", object: statusJson(410, "too old resource version") });
      cluster.server.script = ({ url }, response) => {
        if (url.searchParams.get("watch") !== "true") return false;
        response.writeHead(200).end(`${gone}\n`);
        return true;
      };
      cluster.server.breakWatches();
    },
    end: whatever,
  },
  {
    name: "talking nonsense",
    begin: async () => {
      cluster.server.script = (_, response) => {
        response.writeHead(200, { "content-type": "application/json" }).end('{"items":"\u0000\ufffd');
        return true;
      };
      cluster.server.say("{]\n");
    },
    end: whatever,
  },
  {
    name: "answering 500",
    begin: async () => {
      cluster.server.script = (_, response) => {
        response.writeHead(500).end(JSON.stringify(statusJson(500, "etcdserver: leader changed")));
        return true;
      };
      cluster.server.breakWatches();
    },
    end: whatever,
  },
];

beforeAll(async () => {
  cluster = await scriptedCluster();
});
// It rejects when it was asked what a client must not ask.
afterAll(() => cluster.stop());

meshSuite(() => cluster, [...processFaults, ...scripted]);
