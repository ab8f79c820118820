// A service of somebody else's framework, registered the way that framework does it, is called through each adapter. What is
// written are the bytes those frameworks write; nothing of proxyless is on the registering side.
import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh } from "@proxyless/core";

import { consulExhibits } from "./consul.ts";
import { etcdExhibits } from "./etcd.ts";
import type { Exhibit } from "./exhibit.ts";
import { otherExhibits } from "./others.ts";
import { polledExhibits } from "./polled.ts";
import { zookeeperExhibits } from "./zookeeper.ts";

const exhibits = [
  ...consulExhibits,
  ...etcdExhibits,
  ...zookeeperExhibits,
  ...polledExhibits,
  ...otherExhibits,
];

/** Registers, finds, calls. @returns what the instance answered */
async function show(exhibit: Exhibit, port: number): Promise<string> {
  const registry = await exhibit.start();
  try {
    await registry.write(port);
    await using mesh = createMesh({ discovery: registry.source });
    await mesh.ready("orders");
    const response = await mesh.fetch("http://orders/orders/42");
    return `${response.status} ${await response.text()}`;
  } finally {
    await registry.stop();
  }
}

const server = createServer((_, response) => response.end('{"id":"42"}')).listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
const port = typeof address === "object" && address !== null ? address.port : 0;

// Registries side by side, the frameworks of one registry in turn.
const lanes = new Map<string, Promise<unknown>>();
const answers = exhibits.map((exhibit) => {
  const before = lanes.get(exhibit.registry) ?? Promise.resolve();
  const answer = before.then(() => show(exhibit, port)).catch((error: unknown) => String(error));
  lanes.set(exhibit.registry, answer);
  return answer;
});

let called = 0;
for (const [index, { framework, registry }] of exhibits.entries()) {
  const line = `${registry.padEnd(12)}${framework.padEnd(26)}`;
  if (process.stderr.isTTY) process.stderr.write(`${line}…`);
  // eslint-disable-next-line no-await-in-loop -- told in order
  const answer = (await answers[index]) ?? "";
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[2K");
  console.log(`${line}${answer}`);
  if (answer.startsWith("200 ")) called++;
}
console.log(`${called} of ${exhibits.length} were called`);
server.close();
process.exitCode = called === exhibits.length ? 0 : 1;
