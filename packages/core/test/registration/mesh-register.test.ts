import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createMesh } from "../../src/index.ts";
import type { HealthAnswer, Mesh, MeshEvent, MeshRegistration, RegisterOptions } from "../../src/index.ts";
import { memorySource } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { FakeRegistry } from "./support/fake-registry.ts";

let clock: ManualClock;
let registry: FakeRegistry;
let mesh: Mesh;
/** What happened, in order: events, and what the user's functions did. */
let told: string[];

beforeEach(() => {
  clock = new ManualClock();
  registry = new FakeRegistry();
  told = [];
  mesh = createMesh({ discovery: memorySource({}), registrar: registry.registrar(clock), clock });
  for (const type of ["registered", "lost", "status", "leaving", "left"] as const) {
    mesh.on(`registration.${type}`, (event) => told.push(short(event)));
  }
});

afterEach(async () => {
  await inTime(mesh.close());
});

function short(event: Extract<MeshEvent, { type: `registration.${string}` }>): string {
  const { type } = event;
  if (type === "registration.registered") {
    return `registered ${event.id} at ${event.endpoint} with ${event.registry}`;
  }
  if (type === "registration.lost") return `lost: ${event.reason}`;
  if (type === "registration.status") {
    const note = event.note === "" ? "" : ` (${event.note})`;
    return `status ${event.status}${note}${event.isHeard ? "" : ", unheard"}`;
  }
  if (type === "registration.left") return `left after ${event.durationMs} ms: ${event.reason}`;
  return `${event.step}${event.failed === undefined ? "" : ` failed: ${event.failed}`}`;
}

/** Lets time pass until a promise has settled. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  const now = { isDone: false };
  const watched = promise.finally(() => (now.isDone = true));
  watched.catch(() => undefined);
  for (let i = 0; i < 200 && !now.isDone; i++) {
    // eslint-disable-next-line no-await-in-loop -- time moves in steps
    await clock.advance(250);
  }
  if (!now.isDone) throw new Error("not within 50 s of manual time");
  return watched;
}

function register(more: Partial<RegisterOptions> = {}): Promise<MeshRegistration> {
  return inTime(mesh.register({ service: "web", id: "web-1", host: "10.0.0.1", port: 80, ...more }));
}

describe("mesh.register", () => {
  it("registers with the mesh's registrar, and says so", async () => {
    const handle = await register();
    expect(handle).toMatchObject({ id: "web-1", host: "10.0.0.1", port: 80, state: "registered" });
    expect(registry.entries).toEqual(new Map([["web-1", "up"]]));
    expect(told).toEqual(["registered web-1 at 10.0.0.1:80 with fake"]);
    expect(mesh.inspect().registrations).toEqual([{ service: "web", registry: "fake", state: "registered" }]);
  });

  it("registers with the registrar of the call before the mesh's", async () => {
    const other = new FakeRegistry();
    await register({ registrar: other.registrar(clock) });
    expect([...other.entries.keys()]).toEqual(["web-1"]);
    expect(registry.entries.size).toBe(0);
  });

  it("tells that the entry was lost, and that it is there again", async () => {
    await register();
    registry.failing.set("apply", new Error("no leader"));
    for (let i = 0; i < 80; i++) {
      // eslint-disable-next-line no-await-in-loop -- time moves in steps
      await clock.advance(250);
    }
    expect(told.at(-1)).toMatch(/^lost: instance web-1 of web is no longer kept alive: no leader/);
    registry.failing.clear();
    registry.lose();
    await clock.advance(1);
    expect(told.at(-1)).toBe("registered web-1 at 10.0.0.1:80 with fake");
  });

  it.each([
    ["registrar", { registrar: {} }, /a registrar, here or in createMesh/],
    ["health", { health: 1 }, /a function, got 1/],
    ["healthIntervalMs", { healthIntervalMs: 50 }, /from 100 to 600000/],
    ["healthTimeoutMs", { healthTimeoutMs: 1 }, /from 10 to 600000/],
    ["readiness", { readiness: true }, /a function/],
    ["propagationMs", { propagationMs: -1 }, /from 0 to 600000/],
    ["drain", { drain: {} }, /a function/],
    ["drainTimeoutMs", { drainTimeoutMs: 600_001 }, /from 0 to 600000/],
    ["signals[0]", { signals: ["SIGKILL"] }, /one of SIGTERM/],
    ["signals", { signals: "SIGTERM" }, /an array of signals/],
    ["exit", { exit: true }, /absent without signals/],
    ["exit", { exit: 1, signals: ["SIGTERM"] }, /true or false/],
    ["halth", { halth: () => "up" }, /known: service/],
    ["port", { port: 0 }, /from 1 to 65535/],
  ])("refuses a bad %s, naming what is legal: %j", async (field, options, message) => {
    const given = { service: "web", host: "10.0.0.1", port: 80, ...options };
    // @ts-expect-error the options are wrong on purpose
    await expect(mesh.register(given)).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field,
      message: expect.stringMatching(message),
    });
    expect(mesh.inspect().registrations).toEqual([]);
  });

  it("rejects when the registry refuses, and forgets it", async () => {
    registry.failing.set("apply", new Error("no"));
    const made = register({ startTimeoutMs: 500 });
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION" });
    expect(mesh.inspect().registrations).toEqual([]);
  });

  it("rejects once the mesh is closed", async () => {
    await inTime(mesh.close());
    await expect(register()).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
  });

  it("leaves again and rejects when readiness fails at the start", async () => {
    const made = register({
      readiness: (isReady) => {
        if (isReady) throw new Error("no socket");
      },
    });
    await expect(made).rejects.toThrow("no socket");
    expect(registry.entries.size).toBe(0);
    expect(told.at(-1)).toMatch(/^left .*: readiness failed$/);
  });
});

describe("the health of an instance", () => {
  it("is starting until the first answer, then what the function says, told when it changes", async () => {
    let answer: HealthAnswer = "up";
    let asked = 0;
    const gate = Promise.withResolvers<void>();
    await register({
      healthIntervalMs: 1000,
      health: async () => {
        asked++;
        await gate.promise;
        return answer;
      },
    });
    expect(registry.log).toEqual(["apply starting"]);
    gate.resolve();
    await clock.advance(1);
    expect(registry.log).toEqual(["apply starting", "apply up"]);
    await clock.advance(1000);
    expect([asked, registry.log.length]).toEqual([2, 2]);
    answer = { status: "degraded", note: "slow disk" };
    await clock.advance(1000);
    expect(registry.entries.get("web-1")).toBe("degraded slow disk");
    expect(told.slice(1)).toEqual(["status up", "status degraded (slow disk)"]);
  });

  it.each([
    [
      "throws",
      (): HealthAnswer => {
        throw new Error("database gone");
      },
      "down (database gone)",
    ],
    ["rejects", (): Promise<HealthAnswer> => Promise.reject(new Error("nope")), "down (nope)"],
    [
      "never answers",
      (): Promise<HealthAnswer> => new Promise(() => undefined),
      "down (not done within 700 ms)",
    ],
    ["answers nonsense", (): HealthAnswer => JSON.parse('"fine"'), "down (health must be one of"],
    ["answers nothing", (): HealthAnswer => JSON.parse("null"), "down (health must be"],
  ])("is down when the function %s, and up as soon as it says so", async (_, bad, status) => {
    let health = bad;
    await register({ health: () => health(), healthIntervalMs: 1000, healthTimeoutMs: 700 });
    await clock.advance(700);
    expect(told.at(-1)).toContain(`status ${status}`);
    health = () => "up";
    await clock.advance(1000);
    expect(registry.entries.get("web-1")).toBe("up");
  });

  it("aborts the signal of a function that takes too long", async () => {
    const signals: AbortSignal[] = [];
    await register({
      healthTimeoutMs: 5000,
      health: (signal) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    await clock.advance(4000);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1000);
    expect(signals[0]?.aborted).toBe(true);
  });

  it("is said in the nearest word that the registry has", async () => {
    registry.statuses = ["up", "out-of-service"];
    let answer: HealthAnswer = "degraded";
    await register({ health: () => answer, healthIntervalMs: 1000 });
    expect(registry.log).toEqual(["apply out-of-service", "apply up"]);
    answer = "down";
    await clock.advance(1000);
    expect(registry.log.at(-1)).toBe("apply out-of-service");
  });

  it("is told once more by the registration itself when the registry did not hear it", async () => {
    let answer: HealthAnswer = "up";
    await register({ health: () => answer, healthIntervalMs: 1000 });
    await clock.advance(1);
    registry.failing.set("apply", new Error("no leader"));
    answer = "down";
    await clock.advance(1000);
    expect(told.at(-1)).toBe("status down, unheard");
    registry.failing.clear();
    await clock.advance(1000);
    expect(registry.entries.get("web-1")).toBe("down");
  });

  it("yields to an operator who takes the instance out of service, until he gives it back", async () => {
    let answer: HealthAnswer = "up";
    const handle = await register({ health: () => answer, healthIntervalMs: 1000 });
    await clock.advance(1);
    await handle.setStatus("out-of-service", "upgrade");
    answer = "degraded";
    await clock.advance(1000);
    expect(registry.entries.get("web-1")).toBe("out-of-service upgrade");
    await handle.setStatus("up");
    expect(registry.entries.get("web-1")).toBe("degraded");
    await expect(handle.setStatus("down")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
  });
});

describe("leaving", () => {
  /** Options whose functions note themselves. */
  function noting(more: Partial<RegisterOptions> = {}): Partial<RegisterOptions> {
    return {
      readiness: (isReady) => told.push(`readiness(${isReady})`),
      drain: () => told.push(`drain() with ${registry.entries.size} listed`),
      ...more,
    };
  }

  const order = [
    "draining",
    "readiness(false)",
    "unready",
    "propagated",
    "deregistered",
    "drain() with 0 listed",
    "drained",
  ];

  it("goes in the order that loses no call: draining, unready, the delay, deregistered, drained", async () => {
    const handle = await register(noting());
    told.length = 0;
    const left = handle.leave();
    await clock.advance(1900);
    // Still listed and serving, and everybody may know.
    expect(told).toEqual(order.slice(0, 3));
    expect(registry.entries.get("web-1")).toBe("draining");
    await clock.advance(100);
    await left;
    expect(told).toEqual([...order, "left after 2000 ms: leave"]);
    expect(registry.entries.size).toBe(0);
    expect(handle.state).toBe("deregistered");
    expect(mesh.inspect().registrations).toEqual([]);
  });

  it("takes the delay of the registration, or of the leave, in place of the registrar's", async () => {
    const first = await register(noting({ propagationMs: 300 }));
    const left = first.leave();
    await clock.advance(300);
    await left;
    expect(told.at(-1)).toBe("left after 300 ms: leave");
    const second = await register(noting({ propagationMs: 300 }));
    await second.leave({ propagationMs: 0, reason: "test" });
    expect(told.at(-1)).toBe("left after 0 ms: test");
  });

  it("does every step whatever became of the ones before, and says what went wrong", async () => {
    const handle = await register({
      readiness: (isReady) => {
        if (!isReady) throw new Error("no socket");
      },
      drain: () => {
        throw new Error("still open");
      },
    });
    registry.failing.set("drain", new Error("no leader"));
    registry.failing.set("remove", new Error("no leader either"));
    told.length = 0;
    await inTime(handle.leave());
    expect(told).toEqual([
      "draining failed: instance web-1 of web could not be listed as draining: no leader",
      "unready failed: no socket",
      "propagated",
      expect.stringMatching(/^deregistered failed: .* will be forgotten later: no leader either$/),
      "drained failed: still open",
      expect.stringMatching(/^left after \d+ ms: leave$/),
    ]);
  });

  it("waits for readiness and drain no longer than their time", async () => {
    const handle = await register({
      readiness: (isReady) => (isReady ? undefined : new Promise(() => undefined)),
      drain: () => new Promise(() => undefined),
      drainTimeoutMs: 1000,
    });
    told.length = 0;
    const left = handle.leave({ propagationMs: 0 });
    await clock.advance(5000);
    await clock.advance(1000);
    await left;
    expect(told).toEqual([
      "draining",
      "unready failed: not done within 5000 ms",
      "propagated",
      "deregistered",
      "drained failed: not done within 1000 ms",
      "left after 6000 ms: leave",
    ]);
  });

  it("is cut short by its signal: no more waiting, and every step all the same", async () => {
    const handle = await register(noting({ drain: () => new Promise(() => undefined) }));
    told.length = 0;
    const hurry = new AbortController();
    const left = handle.leave({ signal: hurry.signal, propagationMs: 60_000 });
    await clock.advance(1000);
    hurry.abort();
    await clock.advance(1);
    await left;
    expect(registry.entries.size).toBe(0);
    expect(told.slice(3)).toEqual([
      "propagated",
      "deregistered",
      "drained failed: not waited for: it leaves at once",
      expect.stringMatching(/^left after 100[01] ms: leave$/),
    ]);
  });

  it("happens once, however often and in whatever way it is asked for", async () => {
    const handle = await register(noting());
    told.length = 0;
    await inTime(Promise.all([handle.leave(), handle.leave(), handle.deregister(), mesh.close()]));
    await handle[Symbol.asyncDispose]();
    await handle.deregister();
    expect(told).toEqual([...order, "left after 2000 ms: leave"]);
    expect(registry.log.filter((each) => each === "remove")).toHaveLength(1);
    await expect(handle.setStatus("up")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
  });

  it("does what is left to do after the instance was only deregistered", async () => {
    const handle = await register(noting());
    await inTime(handle.deregister());
    told.length = 0;
    await handle.leave();
    expect(told.filter((each) => each.includes("("))).toEqual(["readiness(false)", "drain() with 0 listed"]);
  });

  it("comes first when the mesh closes", async () => {
    await register(noting({ drain: () => mesh.inspect().registrations.length }));
    told.length = 0;
    const closed = mesh.close();
    await clock.advance(1000);
    expect(registry.entries.get("web-1")).toBe("draining");
    await clock.advance(1000);
    await inTime(closed);
    expect(told.at(-1)).toBe("left after 2000 ms: close");
  });

  it("may close the mesh from its own drain", async () => {
    const handle = await register({ drain: () => mesh.close(), drainTimeoutMs: 60_000 });
    const left = handle.leave({ propagationMs: 0 });
    await clock.advance(1);
    await left;
    expect(told.at(-1)).toBe("left after 0 ms: leave");
  });

  it("ends the questions about its health", async () => {
    let asked = 0;
    const health = (): HealthAnswer => {
      asked++;
      return "up";
    };
    const handle = await register({ health, healthIntervalMs: 100 });
    await inTime(handle.leave());
    const before = asked;
    await clock.advance(5000);
    expect(asked).toBe(before);
    expect(told.filter((each) => each.startsWith("status"))).toEqual(["status up"]);
  });

  it("does not wait for a registration that is still under way: it is given up, and taken back", async () => {
    registry.failing.set("apply", new Error("no answer"));
    // Heard all the same.
    registry.entries.set("web-1", "up");
    const made = mesh.register({
      service: "web",
      id: "web-1",
      host: "10.0.0.1",
      port: 80,
      startTimeoutMs: 600_000,
      readiness: (isReady) => told.push(`readiness(${isReady})`),
      drain: () => told.push(`drain() with ${registry.entries.size} listed`),
    });
    made.catch(() => undefined);
    await clock.advance(10);
    const closed = mesh.close();
    await clock.advance(0);
    await closed;
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED", service: "web" });
    expect(registry.entries.size).toBe(0);
    // It never was ready, and nobody was told that it was there.
    expect(told).toEqual(["drain() with 0 listed", "drained"]);
    expect(mesh.inspect().registrations).toEqual([]);
  });

  it("tells of one that was given up only when all have left: whom that takes by surprise ends the process", async () => {
    await register(noting());
    registry.failing.set("apply", new Error("no answer"));
    let isTold = false;
    const second = mesh.register({ service: "web", id: "web-2", host: "10.0.0.1", port: 81 });
    second.catch(() => (isTold = true));
    await clock.advance(10);
    const closed = mesh.close();
    await clock.advance(1_900);
    expect([registry.entries.get("web-1"), isTold]).toEqual(["draining", false]);
    await clock.advance(100);
    await closed;
    await clock.advance(0);
    expect([registry.entries.size, isTold]).toEqual([0, true]);
  });

  it("leaves in order where the registrar knows of no giving up", async () => {
    const gate = Promise.withResolvers<void>();
    const inner = registry.registrar(clock);
    const made = mesh.register({
      service: "web",
      id: "web-1",
      host: "10.0.0.1",
      port: 80,
      registrar: {
        name: "own",
        register: async (instance) => {
          await gate.promise;
          return inner.register(instance);
        },
      },
    });
    made.catch(() => undefined);
    const closed = mesh.close();
    await clock.advance(1_000);
    gate.resolve();
    await inTime(closed);
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
    expect(registry.log).toEqual(["apply up", "drain", "remove"]);
    expect(told).toEqual([
      "registered web-1 at 10.0.0.1:80 with own",
      "draining",
      "unready",
      "propagated",
      "deregistered",
      "drained",
      "left after 3000 ms: close",
    ]);
  });
});
