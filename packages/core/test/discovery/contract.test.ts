import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

import { describe, expect, it } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import type { DiscoverySource, Endpoint, Sink } from "../../src/discovery/source.ts";
import { staticSource } from "../../src/discovery/static-source.ts";
import { sourceContract } from "../../src/testing/describe-source.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource } from "../../src/testing/fake-source.ts";
import type { SourceHarness } from "../../src/testing/source-harness.ts";

const quick = { timeoutMs: 2_000, quietMs: 30 };
const able = { ...quick, with: ["putOnlyMalformed", "touch", "silence", "many"] as const };

function fakeHarness(source: FakeSource): SourceHarness {
  return {
    source,
    put: (service, endpoints) => {
      source.put(service, endpoints);
    },
    remove: (service, id) => {
      source.remove(service, id);
    },
    putMalformed: (service) => {
      source.put(service, [fakeEndpoint("bad", { port: -1 }), ...source.endpoints(service)]);
    },
    breakConnection: () => {
      source.breakConnection();
    },
    restore: () => {
      source.restore();
    },
    putOnlyMalformed: (service) => {
      source.put(service, [fakeEndpoint("bad", { port: -1 }), fakeEndpoint("worse", { host: "" })]);
    },
    touch: (service) => {
      source.alive(service);
    },
    silence: () => {
      source.breakConnection();
    },
    close: () => {},
  };
}

describe("the contract of a source", () => {
  describe("static", () => {
    const endpoints = [fakeEndpoint("a"), fakeEndpoint("b"), fakeEndpoint("c")];
    const make = (): SourceHarness => ({
      source: staticSource({ orders: endpoints }),
      fixed: { service: "orders", endpoints },
      close: () => {},
    });
    it.for(sourceContract(make, { ...quick, without: ["put", "remove", "putMalformed", "breakConnection"] }))(
      "$name",
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
    );
  });

  describe("memory", () => {
    const make = (): SourceHarness => {
      const source = memorySource();
      return {
        source,
        put: (service, endpoints) => {
          source.set(service, endpoints);
        },
        remove: (service, id) => {
          source.remove(service, id);
        },
        close: () => {},
      };
    };
    it.for(sourceContract(make, { ...quick, without: ["putMalformed", "breakConnection"], with: ["many"] }))(
      "$name",
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
    );
  });

  describe("fake", () => {
    it.for(sourceContract(() => fakeHarness(fakeSource()), able))("$name", async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    });
  });
});

describe("the contract suite", () => {
  const broken = (change: (source: FakeSource) => Partial<DiscoverySource>): (() => SourceHarness) => {
    return () => {
      const source = fakeSource();
      const harness = fakeHarness(source);
      return { ...harness, source: { ...harness.source, ...change(source) } };
    };
  };
  const failures = async (
    make: () => SourceHarness,
    options: Parameters<typeof sourceContract>[1] = quick,
    only = /./u,
  ): Promise<string[]> => {
    const found: string[] = [];
    for (const { name, run } of sourceContract(make, options)) {
      if (!only.test(name)) continue;
      // eslint-disable-next-line no-await-in-loop -- the cases share real time
      await run().catch(() => found.push(name));
    }
    return found;
  };

  it("sees a source that goes on calling after the abort", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => {
        const handle = source.watch(target, sink, context);
        const timer = setInterval(() => {
          sink.alive();
        }, 2);
        setTimeout(() => {
          clearInterval(timer);
        }, 300);
        return handle;
      },
    }));
    expect(await failures(make)).toContain("is silent after an abort, whenever it comes, and settles done");
  });

  it("sees a source that changes an endpoint it has told", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => {
        const own = new Map<string, Endpoint>();
        return source.watch(
          target,
          {
            ...sink,
            snapshot: (snapshot) => {
              const endpoints = snapshot.endpoints.map((endpoint) => {
                const known = own.get(endpoint.id) ?? { ...endpoint };
                own.set(endpoint.id, Object.assign(known, endpoint));
                return known;
              });
              sink.snapshot({ ...snapshot, endpoints });
            },
          },
          context,
        );
      },
    }));
    expect(await failures(make)).toContain("reports a change as a new whole list");
  });

  it("sees a source that calls the sink before watch() returns", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => {
        sink.alive();
        return source.watch(target, sink, context);
      },
    }));
    expect(await failures(make)).toEqual(["never calls the sink before watch() returns"]);
  });

  it("sees a source that turns an outage into an empty list", async () => {
    const make = broken((source) => ({
      emptyHoldMs: 0,
      watch: (target, sink, context) =>
        source.watch(
          target,
          {
            snapshot: (snapshot) => {
              sink.snapshot(snapshot);
            },
            alive: () => {
              sink.alive();
            },
            error: () => {
              sink.snapshot({ kind: "bound", endpoints: [], trust: "authoritative" });
            },
          },
          context,
        ),
    }));
    expect(await failures(make)).toContain(
      "keeps the last good list through an outage and reports what changed after it",
    );
  });

  it("sees a watch whose done never settles", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => ({
        ...source.watch(target, sink, context),
        done: new Promise<void>(() => {}),
      }),
    }));
    expect(await failures(make, { timeoutMs: 50, quietMs: 10 }, /abort, whenever/u)).toHaveLength(1);
  });

  it("sees a source that leaves a timer behind", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => {
        context.clock.setTimer(() => {}, 400, undefined, true);
        return source.watch(target, sink, context);
      },
    }));
    expect(await failures(make, { timeoutMs: 150, quietMs: 10 }, /no timer/u)).toHaveLength(1);
  });

  it("sees a source that leaves a socket behind", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const sockets: Socket[] = [];
    const make = broken((source) => ({
      watch: (target, sink, context) => {
        sockets.push(connect(port, "127.0.0.1"));
        return source.watch(target, sink, context);
      },
    }));
    const found = await failures(make, { timeoutMs: 200, quietMs: 10 }, /no timer/u);
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(found).toHaveLength(1);
  });

  it("sees a source that answers every single hint", async () => {
    const make = broken((source) => ({
      watch: (target, sink, context) => ({
        ...source.watch(target, sink, context),
        refresh: () => {
          queueMicrotask(() => {
            if (!context.signal.aborted) sink.alive();
          });
        },
      }),
    }));
    expect(await failures(make, quick, /storm/u)).toHaveLength(1);
  });

  it("sees a source that leaves bad entries out without counting them, or takes only nonsense for nothing", async () => {
    const make = broken((source) => ({
      emptyHoldMs: 0,
      watch: (target, sink, context) =>
        source.watch(
          target,
          {
            ...delegate(sink),
            snapshot: (snapshot) => {
              const endpoints = snapshot.endpoints.filter(({ host, port }) => host !== "" && port > 0);
              sink.snapshot({ ...snapshot, endpoints });
            },
          },
          context,
        ),
    }));
    const options = { ...able, timeoutMs: 200 };
    expect(await failures(make, options, /counts the entries|nothing but nonsense/u)).toHaveLength(2);
  });

  it("runs what a harness can do besides only where it says so", () => {
    const names = (options: Parameters<typeof sourceContract>[1]): string[] =>
      sourceContract(() => fakeHarness(fakeSource()), options).map(({ name }) => name);
    expect(names(able)).toHaveLength(names(quick).length + 4);
  });
});

function delegate(sink: Sink): Sink {
  return {
    snapshot: (snapshot) => {
      sink.snapshot(snapshot);
    },
    alive: (ageMs) => {
      sink.alive(ageMs);
    },
    error: (error) => {
      sink.error(error);
    },
  };
}
