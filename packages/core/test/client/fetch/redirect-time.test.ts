import { expect, it } from "vitest";

import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { answerOk } from "../../support/http.ts";
import type { TestServer } from "../../support/http.ts";
import { meshOf, rejection, server } from "../../support/mesh.ts";

/** Redirects `hops` times, each after `ms` of the mesh's time. */
function slowRedirects(clock: ManualClock, hops: number, ms: number): Promise<TestServer> {
  return server((request, response) => {
    const hop = Number(request.url?.slice(1));
    void (async () => {
      await clock.advance(ms);
      if (hop === hops) answerOk(request, response);
      else response.writeHead(302, { location: `/${hop + 1}` }).end();
    })();
  });
}

const overdue = { code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", service: "orders" };

it("redirects share the time that the caller gave, and the hop that would not fit is not begun", async () => {
  const clock = new ManualClock();
  const upstream = await slowRedirects(clock, 10, 100);
  const { mesh } = meshOf([upstream.address], {}, { clock });
  await mesh.ready("orders");
  expect(await rejection(mesh.fetch("http://orders/0", { mesh: { timeoutMs: 250 } }))).toMatchObject(overdue);
  expect(upstream.requests).toHaveLength(2);
  expect((await mesh.fetch("http://orders/0", { mesh: { timeoutMs: 1_200 } })).status).toBe(200);
});

it("redirects share the time of the service's policy, or a chain of them would have it many times over", async () => {
  const clock = new ManualClock();
  const upstream = await slowRedirects(clock, 10, 100);
  const { mesh } = meshOf([upstream.address], { timeout: { totalMs: 250 } }, { clock });
  await mesh.ready("orders");
  expect(await rejection(mesh.fetch("http://orders/0"))).toMatchObject(overdue);
  expect(upstream.requests).toHaveLength(2);
});

it("a redirect that arrives when the time is all but over is not followed", async () => {
  const clock = new ManualClock();
  const upstream = await slowRedirects(clock, 10, 249.5);
  const { mesh } = meshOf([upstream.address], { timeout: { totalMs: 250 } }, { clock });
  await mesh.ready("orders");
  expect(await rejection(mesh.fetch("http://orders/0"))).toMatchObject({
    ...overdue,
    message: /no time was left .* 1 redirects/u,
  });
  expect(upstream.requests).toHaveLength(1);
});
