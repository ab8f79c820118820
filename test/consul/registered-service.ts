import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh } from "@proxyless/core";
import type { RegisterBehaviour } from "@proxyless/core";
import { consul, consulRegistrar } from "@proxyless/discovery-consul";
import type { ConsulInstance } from "@proxyless/discovery-consul";

/** What the program is told, as JSON in its first argument. */
export interface ServiceOrders extends Partial<ConsulInstance>, Pick<RegisterBehaviour, "signals" | "exit"> {
  readonly url: string;
  readonly propagationMs?: number;
  /** Somebody else listens to SIGTERM too. */
  readonly other?: boolean;
  /** The drain never ends by itself. */
  readonly hangs?: boolean;
  /** The event loop stands still for so long after each `stall` line of the input, in milliseconds. */
  readonly stallMs?: number;
}

/** A service of one instance: says what it does, one word a line, and answers with its port. */
async function main(orders: ServiceOrders): Promise<void> {
  const { url, propagationMs = 300, other, hangs, stallMs = 0, signals, exit, ...instance } = orders;
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const server = createServer((_, response) => {
    // Slow enough that some calls are always under way.
    setTimeout(() => response.end(String(port)), 20);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  const mesh = createMesh({ discovery: consul({ url }), registrar: consulRegistrar({ url }) });
  mesh.on("registration.leaving", ({ step, failed }) =>
    say(failed === undefined ? step : `${step}: ${failed}`),
  );
  mesh.on("registration.left", ({ reason }) => say(`left: ${reason}`));
  if (other === true) process.on("SIGTERM", () => say("heard by another"));
  process.on("exit", (code) => say(`exit ${code}`));
  await mesh.register<ConsulInstance>({
    service: "web",
    host: "127.0.0.1",
    port,
    health: () => "up",
    readiness: (isReady) => say(`ready: ${isReady}`),
    propagationMs,
    drain: async () => {
      const closed = once(server, "close");
      server.close();
      say("closing");
      if (hangs === true) await new Promise(() => undefined);
      await closed;
      await mesh.close();
    },
    ...(signals === undefined ? {} : { signals }),
    ...(exit === undefined ? {} : { exit }),
    ...instance,
  });
  say(`port ${port}`);
  process.stdin.on("data", () => {
    const end = performance.now() + stallMs;
    while (performance.now() < end);
    say("stalled");
  });
  process.stdin.unref();
}

const given = process.argv[2];
if (given !== undefined) await main(JSON.parse(given));
