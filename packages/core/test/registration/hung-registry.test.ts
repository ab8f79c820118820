import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { expect, it, onTestFinished } from "vitest";

import type { HungOrders } from "./support/hung-registration.ts";

const program = join(import.meta.dirname, "support/hung-registration.ts");

it(
  "a process that a signal asks to end while its registry hangs ends by it",
  { timeout: 60_000 },
  async () => {
    const sockets: Socket[] = [];
    let heard = "";
    const asked = Promise.withResolvers<void>();
    // Takes connections and what comes on them, and never answers.
    const registry = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        heard += bytes.toString();
        asked.resolve();
      });
    }).listen(0, "127.0.0.1");
    await once(registry, "listening");
    const address = registry.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const orders: HungOrders = { url: `http://127.0.0.1:${port}` };
    const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => {
      child.kill("SIGKILL");
      for (const socket of sockets) socket.destroy();
      registry.close();
    });
    const ended = once(child, "close");
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    await asked.promise;
    child.kill("SIGTERM");
    // Ten minutes are what the registration and its request have.
    expect(await ended).toEqual([null, "SIGTERM"]);
    expect(await said).toEqual(["drained\n", ""]);
    // What it may have heard is taken back.
    expect(heard.match(/^(PUT|DELETE) /gmu)).toEqual(["PUT ", "DELETE "]);
  },
);
