import { describe, expect, it } from "vitest";

import type { DiscoverySource, Sink } from "../../src/discovery/source.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { Watching } from "../../src/testing/watching.ts";

/** A source that leaves everything to the test. */
function puppet(done: Promise<void>, onWatch: (sink: Sink) => void = () => {}): DiscoverySource {
  return {
    name: "puppet",
    key: ({ service }) => service,
    watch: (_, sink) => {
      onWatch(sink);
      return { done };
    },
  };
}

describe("Watching", () => {
  it("remembers every word in order, and shows the last list", async () => {
    const source = fakeSource();
    const watch = new Watching(source, "orders");
    source.put("orders", [fakeEndpoint("b", { host: "fd00::1" }), fakeEndpoint("a", { host: "10.0.0.1" })]);
    await watch.untilAddresses(["10.0.0.1:8080", "[fd00::1]:8080"]);
    source.alive("orders", 7);
    source.breakConnection();
    expect((await watch.untilError()).class).toBe("transient");
    expect(watch.log.slice(-3)).toEqual(["snapshot bound authoritative 2", "alive", "error transient"]);
    expect([watch.alives, watch.ages]).toEqual([1, [7]]);
    expect(watch.states).toEqual(["10.0.0.1:8080 healthy", "[fd00::1]:8080 healthy"]);
    await watch.stop();
  });

  it("writes endpoints as it is told to", async () => {
    const source = fakeSource();
    const watch = new Watching(source, "orders", { label: ({ id }) => id });
    source.put("orders", [fakeEndpoint("b"), fakeEndpoint("a")]);
    await expect(watch.untilStates(["a", "b"])).resolves.toBeUndefined();
    await watch.stop();
  });

  it("sees a condition that held only between two words, and one that nothing tells of", async () => {
    const source = fakeSource();
    const watch = new Watching(source, "orders");
    const between = watch.until("one endpoint", () => watch.endpoints.length === 1);
    source.put("orders", [fakeEndpoint("a")]);
    source.put("orders", []);
    await between;
    let isDone = false;
    setTimeout(() => {
      isDone = true;
    }, 10);
    await expect(watch.until("the timer", () => isDone)).resolves.toBeUndefined();
    await watch.stop();
  });

  it("says what was heard when something does not come in time, and hands on what a condition throws", async () => {
    const source = fakeSource();
    const watch = new Watching(source, "orders");
    source.put("orders", [fakeEndpoint("a", { host: "10.0.0.1" })]);
    await watch.untilAddresses(["10.0.0.1:8080"]);
    await expect(watch.untilAddresses([], 30)).rejects.toThrow(
      /not within 30 ms: .*heard: .*snapshot bound authoritative 1; states: 10.0.0.1:8080 healthy; last error: none/,
    );
    const wrong = (): boolean => {
      throw new Error("a mistake of the test");
    };
    await expect(watch.until("anything", wrong)).rejects.toThrow("a mistake of the test");
    await watch.stop();
  });

  it("counts what is said before watch() returned and after the end", async () => {
    let sink: Sink | undefined;
    const source = puppet(Promise.resolve(), (given) => {
      sink = given;
      given.alive();
    });
    const watch = new Watching(source, "orders");
    sink?.alive();
    expect([watch.early, watch.calls, watch.late]).toEqual([1, 2, 0]);
    await watch.stop();
    sink?.alive();
    expect([watch.early, watch.calls, watch.late]).toEqual([1, 3, 1]);
  });

  it("complains about a watch that does not let go", async () => {
    const watch = new Watching(puppet(new Promise(() => {})), "orders");
    await expect(watch.stop(20)).rejects.toThrow("done did not settle within 20 ms of the abort");
  });
});
