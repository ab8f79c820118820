import { memorySource } from "@proxyless/core";
import type { Mesh, MemorySource, ServiceOptions } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import type { DashboardOptions } from "@proxyless/dashboard";
import type { Page } from "playwright-core";

import { serve } from "../../../packages/dashboard/test/support/served.ts";
import type { Served } from "../../../packages/dashboard/test/support/served.ts";
import { Backend } from "./backend.ts";
import { Witness } from "./witness.ts";

/** A mesh over real servers and its page, on one clock that stands still. */
export interface Stage extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly mesh: Mesh;
  readonly discovery: MemorySource;
  readonly backends: readonly Backend[];
  readonly served: Served;
  /** When its clock began, by that clock. */
  readonly begunAt: number;
  /** Has counted since there is the stage. */
  readonly witness: Witness;
  /** Where the page stands. */
  readonly url: string;
  /** Makes calls to `orders`, one after the other; what they come to is no matter. */
  call(times: number): Promise<void>;
  /** Makes calls that take as long as the instance that is asked takes, or `atMost` milliseconds where another is asked by then. */
  callSlowly(times: number, atMost?: number): Promise<void>;
  /** Lets the page have its next look at the mesh: it looks every second, and the clock stands still until its first look. */
  look(): Promise<void>;
}

/** Sets `count` instances of `orders`. */
export async function setStage(
  count: number,
  options: ServiceOptions = {},
  dashboard: Partial<DashboardOptions> = {},
): Promise<Stage> {
  const clock = new ManualClock(1_700_000_000_000);
  const backends = await Promise.all(
    Array.from({ length: count }, () => Backend.start({}, undefined, clock)),
  );
  const discovery = memorySource({ orders: backends.map(({ address }) => address) });
  const served = await serve(
    { clock, ...dashboard },
    { clock, random: seededRandom(1), discovery, services: { orders: options } },
  );
  const { mesh } = served;
  const orders = mesh.service("orders");
  const begunAt = clock.now();
  return {
    clock,
    mesh,
    discovery,
    backends,
    served,
    begunAt,
    witness: new Witness(mesh, clock),
    url: `http://127.0.0.1:${served.port}${served.dashboard.path}`,
    call: async (times) => {
      for (let i = 0; i < times; i++) await orders.GET("/orders").catch(() => undefined);
    },
    callSlowly: async (times, atMost = Infinity) => {
      for (let i = 0; i < times; i++) {
        const first = new AbortController();
        const asked = Promise.race(
          backends.map(async (backend) => {
            await backend.asked(first.signal);
            return backend;
          }),
        );
        const call = orders.GET("/orders");
        const { behaviour } = await asked;
        first.abort();
        await clock.advance(Math.min(behaviour.takesMs, atMost));
        await call;
      }
    },
    look: () => clock.advance(1_000 - ((clock.now() - begunAt) % 1_000)),
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
    },
  };
}

/** Opens its page, and waits until that watches: what happens before that it does not count. */
export async function watch(page: Page, stage: Stage): Promise<void> {
  await page.goto(stage.url);
  await page.getByText("live ·").waitFor();
}
