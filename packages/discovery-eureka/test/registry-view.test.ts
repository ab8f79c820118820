import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LeaseRegistry } from "../../../test/eureka/lease-registry.ts";
import { readRegistration, renderApps } from "../../../test/eureka/wire.ts";
import type { Status, WireStyle } from "../../../test/eureka/wire.ts";
import type { InstanceReading } from "../src/instance-record.ts";
import { readRegistry } from "../src/registry-json.ts";
import type { RegistryAnswer } from "../src/registry-json.ts";
import { RegistryView } from "../src/registry-view.ts";
import { written } from "./support/instances.ts";

const reading: InstanceReading = { preferIp: true, secure: "auto", weightBase: 1 };
const apps = ["A", "B", "C"];

/** A server's registry, with what it would answer. */
class Model {
  now = 1_700_000_000_000;
  readonly registry = new LeaseRegistry(() => this.now);

  register(app: string, n: number, port: number, status: Status): void {
    const instance = written(app, `${app}-${n}`, {
      port: { $: port, "@enabled": "true" },
      status,
      lastDirtyTimestamp: String(this.now),
    });
    this.registry.register(readRegistration(JSON.stringify({ instance }), app));
  }

  full(style: WireStyle): RegistryAnswer {
    const { registry } = this;
    const json = renderApps(registry.list(), registry.hashCode(), style);
    return workAtOnce(readRegistry("all", JSON.stringify(json), reading));
  }

  delta(style: WireStyle): RegistryAnswer {
    const { registry } = this;
    const json = renderApps(registry.changes(), registry.hashCode(), style);
    return workAtOnce(readRegistry("changes", JSON.stringify(json), reading));
  }
}

function contentOf(view: RegistryView): unknown {
  return apps.map((app) =>
    (view.app(app) ?? [])
      .map(({ id, status, endpoint }) => ({ id, status, endpoint }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

function viewOf(answer: RegistryAnswer): RegistryView {
  const view = new RegistryView();
  workAtOnce(view.replace(answer.records));
  return view;
}

type Step =
  | {
      readonly do: "register";
      readonly app: string;
      readonly n: number;
      readonly port: number;
      readonly status: Status;
    }
  | { readonly do: "cancel" | "beat" | "clear"; readonly app: string; readonly n: number }
  | { readonly do: "override"; readonly app: string; readonly n: number; readonly status: Status }
  | { readonly do: "evict" | "poll" }
  | { readonly do: "wait"; readonly ms: number };

const app = fc.constantFrom(...apps);
const n = fc.integer({ min: 1, max: 3 });
const status = fc.constantFrom<Status>("UP", "DOWN", "STARTING", "OUT_OF_SERVICE");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("register" as const), app, n, port: fc.integer({ min: 1, max: 9 }), status }),
  fc.record({ do: fc.constantFrom("cancel" as const, "beat" as const, "clear" as const), app, n }),
  fc.record({ do: fc.constant("override" as const), app, n, status }),
  fc.record({ do: fc.constantFrom("evict" as const, "poll" as const) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 60_000 }) }),
);

function take(model: Model, next: Step): void {
  const { registry } = model;
  if (next.do === "register") model.register(next.app, next.n, next.port, next.status);
  else if (next.do === "cancel") registry.cancel(next.app, `${next.app}-${next.n}`);
  else if (next.do === "beat") registry.renew(next.app, `${next.app}-${next.n}`, undefined);
  else if (next.do === "clear") registry.clearOverride(next.app, `${next.app}-${next.n}`, "UP");
  else if (next.do === "override") registry.override(next.app, `${next.app}-${next.n}`, next.status);
  else if (next.do === "evict") registry.evict();
  else if (next.do === "wait") model.now += next.ms;
}

describe("deltas on a whole registry", () => {
  it.each<WireStyle>(["jackson", "xstream"])(
    "give what a whole registry gives, whatever happened (%s)",
    (style) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const model = new Model();
          const view = viewOf(model.full(style));
          let asked = model.now;
          for (const next of [...steps, { do: "poll" } as const]) {
            take(model, next);
            // Nobody may be silent for longer than the server remembers.
            if (next.do !== "poll" && model.now - asked < 100_000) continue;
            const delta = model.delta(style);
            workAtOnce(view.apply(delta.records));
            asked = model.now;
            expect(view.hashCode()).toBe(delta.hashCode);
            expect(contentOf(view)).toEqual(contentOf(viewOf(model.full(style))));
          }
        }),
        { numRuns: 300, seed: 11 },
      );
    },
  );

  it("change the instance they name and no other (bug 10: an index made of a list)", () => {
    const model = new Model();
    for (const number of [1, 2, 3]) model.register("A", number, number, "UP");
    const view = viewOf(model.full("jackson"));
    model.now += 1000;
    model.registry.cancel("A", "A-3");
    model.register("A", 2, 7, "UP");
    workAtOnce(view.apply(model.delta("jackson").records));
    expect(view.app("A")?.map(({ id, endpoint }) => `${id}:${endpoint?.port}`)).toEqual(["A-1:1", "A-2:7"]);
  });

  it("that are older than what is known change nothing", () => {
    const model = new Model();
    model.register("A", 1, 1, "UP");
    const old = model.delta("jackson");
    model.now += 1000;
    model.register("A", 1, 2, "DOWN");
    const view = viewOf(model.full("jackson"));
    workAtOnce(view.apply(old.records));
    expect(view.app("A")).toMatchObject([{ status: "DOWN", endpoint: { port: 2 } }]);
  });

  it("do not add up when something is missing, and the count says so", () => {
    const model = new Model();
    model.register("A", 1, 1, "UP");
    const view = viewOf(model.full("jackson"));
    model.register("A", 2, 1, "UP");
    model.registry.forgetChanges();
    const delta = model.delta("jackson");
    workAtOnce(view.apply(delta.records));
    expect([view.hashCode(), delta.hashCode]).toEqual(["UP_1_", "UP_2_"]);
  });

  it("count every status, in the order of their names", () => {
    const model = new Model();
    model.register("A", 1, 1, "UP");
    model.register("B", 1, 1, "DOWN");
    model.register("B", 2, 1, "STARTING");
    model.register("C", 1, 1, "UP");
    expect(viewOf(model.full("jackson")).hashCode()).toBe("DOWN_1_STARTING_1_UP_2_");
    expect(new RegistryView().hashCode()).toBe("");
  });
});
