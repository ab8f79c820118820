import { once } from "node:events";
import { createServer } from "node:http";

import { createDashboard } from "@proxyless/dashboard";
import { expect, it, onTestFinished } from "vitest";

import { collectWorkers } from "../src/index.ts";

const token = "correct-horse-battery";
const headers = { authorization: `Bearer ${token}`, "x-requested-with": "test" };

/** Where the page of all workers stands. */
async function page(): Promise<string> {
  const workers = collectWorkers();
  const dashboard = createDashboard({ mesh: workers.page, token });
  const server = createServer((request, response) => void dashboard.handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await dashboard.close();
    server.close();
    server.closeAllConnections();
    workers.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}${dashboard.path}`;
}

/** The first that a stream says. */
async function firstOf(url: string): Promise<string> {
  const response = await fetch(url, { headers });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = (await reader?.read()) ?? {};
  await reader?.cancel();
  return value;
}

it("the page of all workers switches no circuit, not even for who has the token", async () => {
  const url = await page();
  const answer = await fetch(`${url}circuit?service=orders&mode=forced-open`, { method: "POST", headers });
  expect([answer.status, await answer.text()]).toEqual([409, "these are several meshes\n"]);
  expect(await firstOf(`${url}events`)).toContain('"mayOperate":false');
});

it("hystrix.stream has no command to tell of before a worker has", async () => {
  expect(await firstOf(`${await page()}hystrix.stream`)).toBe("ping: \n\n");
});
