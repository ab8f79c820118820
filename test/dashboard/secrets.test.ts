import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { serve } from "../../packages/dashboard/test/support/served.ts";
import { InProcess } from "../cluster/support/in-process.ts";
import { openPage, startBrowser } from "./support/browser.ts";
import { setStage } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

const planted = {
  authorization: "secret-authorization",
  cookie: "secret-cookie",
  apiKey: "secret-api-key",
  query: "secret-query",
  fragment: "secret-fragment",
  path: "secret-path",
  body: "secret-body",
  user: "secret-user",
  password: "secret-password",
  metadata: "secret-metadata",
  answer: "secret-answer",
  faultHeader: "secret-fault-header",
  hashKey: "secret-hash-key",
  token: "secret-token-0123456789",
  registryUser: "secret-registry-user",
  registryQuery: "secret-registry-query",
  registryHeader: "secret-registry-header",
} as const;

it("shows no secret of a call, an endpoint, a policy or the page itself", async () => {
  const faults = { percent: 1, abort: { status: 503, headers: { "x-key": planted.faultHeader } } } as const;
  await using stage = await setStage(
    3,
    { retry: false, faultInjection: faults, circuit: { minCalls: 1_000 } },
    { token: planted.token },
  );
  const { mesh, served } = stage;
  const [first] = stage.backends;
  const [host = "", port] = first!.address.split(":");
  stage.discovery.add("orders", { host, port: Number(port), metadata: { password: planted.metadata } });
  stage.discovery.fail("orders", {
    class: "auth",
    message: `http://admin:${planted.registryUser}@127.0.0.1/?token=${planted.registryQuery} refuses X-Token: ${planted.registryHeader}`,
    cause: new Error(planted.password),
  });
  const authorization = { authorization: `Bearer ${planted.token}` };
  // As a worker tells it to its primary, too.
  using workers = new InProcess([mesh], stage.clock);
  await using together = await serve({ mesh: workers, clock: stage.clock, token: planted.token });
  const streams = await Promise.all(
    [served, together].flatMap((one) => [
      one.open("events", authorization),
      one.open("hystrix.stream", authorization),
    ]),
  );
  let streamed = "";
  let said = "";
  for (const stream of streams) {
    stream.setEncoding("utf8").on("data", (text) => {
      streamed += String(text);
    });
  }
  await using looked = await openPage(browser);
  await looked.page.goto(stage.url);
  await looked.page.getByLabel("Token").fill(planted.token);
  await looked.page.keyboard.press("Enter");
  await looked.page.locator("#content").waitFor();

  const headers = {
    authorization: `Bearer ${planted.authorization}`,
    cookie: `session=${planted.cookie}`,
    "x-api-key": planted.apiKey,
    "content-type": "text/plain",
  };
  const call = async (status: number): Promise<void> => {
    for (const { behaviour } of stage.backends) behaviour.status = status;
    const url = `http://orders/reset/${planted.path}?key=${planted.query}#${planted.fragment}`;
    await mesh
      .fetch(url, { headers, method: "PUT", body: planted.body, mesh: { hashKey: planted.hashKey } })
      .catch(() => undefined);
    await mesh
      .fetch(url.replace("//", `//${planted.user}:${planted.password}@`), { headers })
      .catch(() => undefined);
    const paths = { params: { path: { id: planted.path }, query: { key: planted.query } }, headers };
    await mesh
      .service("orders")
      .GET("/orders/{id}", paths)
      .catch(() => undefined);
  };
  for (let round = 0; round < 3; round++) {
    await call(200);
    await call(500);
    await stage.look();
    said += JSON.stringify(workers.reports);
  }
  await looked.page.locator(".calls details").first().waitFor();
  for (const summary of await looked.page.locator(".calls summary").all()) await summary.click();

  // Both streams came, and so did the calls: a page without anything has no secrets either.
  expect(streamed).toContain("event: tick");
  expect(streamed).toContain("HystrixCommand");
  expect(streamed).toContain("/orders/{id}");
  expect(said).toContain("/orders/{id}");
  const dom = await looked.page.content();
  expect(dom).toContain("/orders/{id}");
  const kept = await looked.page.evaluate(
    "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state])",
  );
  const html = (await served.ask("")).body;
  const refused = (await served.ask("circuit?service=x&mode=y", { method: "POST", headers: authorization }))
    .body;
  for (const [name, secret] of Object.entries(planted)) {
    for (const [where, text] of Object.entries({ streamed, said, dom, kept: String(kept), html, refused })) {
      expect(text.includes(secret), `${name} in ${where}`).toBe(false);
    }
  }
  expect(looked.requests.join(" ")).not.toContain("secret");
});
