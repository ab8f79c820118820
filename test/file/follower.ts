import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { file } from "@proxyless/discovery-file";

// A process that calls the service `orders` of a file all the time: node follower.ts PATH. Each line that it writes is who
// answered, or what went wrong.
const mesh = createMesh({ discovery: file({ path: process.argv[2] ?? "" }) });
mesh.on("discovery.error", ({ class: kind, message }) => say({ kind, message }));
mesh.on("discovery.recovered", () => say({ kind: "recovered" }));
for (;;) {
  try {
    say({ port: Number(await (await mesh.fetch("http://orders/")).text()) });
  } catch (error) {
    say({ kind: "failure", message: String(error) });
  }
  await wait(20);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
