import { describe, expect, it } from "vitest";

import { Passes } from "../../../src/engine/passes.ts";
import type { CircuitOpening } from "../../../src/policies/circuit/circuit-types.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { meshOf, rejection, server } from "../../support/mesh.ts";
import { admit, bothEngines, call, withEngine } from "./circuit-kit.ts";

const four = { probes: 4, failureRatio: 0.5 };

/** The rules for trying again. Each test is named after what goes wrong in a breaker that does not keep to the rule. */
describe.each(bothEngines)("half-open with the engine %s", (engine) => {
  const { newCircuit, openCircuit } = withEngine(engine);

  it("1: two mechanisms do not wait for each other: the endpoints are ejected, the circuit is open, and yet one call gets through", async () => {
    const state = { broken: true };
    const upstream = await server((_, response) => response.writeHead(state.broken ? 503 : 200).end("{}"));
    const clock = new ManualClock();
    const { mesh, events } = meshOf(
      [upstream.address],
      { circuit: { engine, minCalls: 10, openMs: 1_000 }, retry: false },
      { clock, random: () => 0 },
    );
    const client = mesh.service("orders");
    for (let i = 0; i < 10; i++) await client.GET("/x");
    expect(events("circuit.opened")).toHaveLength(1);
    expect(await rejection(client.GET("/x"))).toMatchObject({ code: "ERR_PROXYLESS_CIRCUIT_OPEN" });
    state.broken = false;
    // The endpoint would stay ejected for much longer than this.
    await clock.advance(1_000);
    expect((await client.GET("/x")).response.status).toBe(200);
    expect(events("circuit.closed")).toHaveLength(1);
  });

  it("2: a probe that never ends does not keep the circuit half-open for ever: its lease runs out, which is a failure", () => {
    const openings: CircuitOpening[] = [];
    const circuit = openCircuit(
      0,
      { probeTimeoutMs: 3_000 },
      { onOpen: (opening) => openings.push(opening) },
    );
    const lost = admit(circuit, 5_000);
    expect(circuit.admit(7_999).admitted).toBe(false);
    expect(circuit.admit(8_000)).toEqual({ admitted: false, retryAfterMs: 10_000 });
    expect(openings[1]).toMatchObject({ cause: "probe", calls: 1, openMs: 10_000 });
    // Nor does its late success mean anything.
    circuit.record(lost, "success", 18_000);
    expect(circuit.state).toBe("open");
    expect(admit(circuit, 18_000).probe).toBe(true);
  });

  it("3: a call from before the circuit opened neither closes it nor opens it again, in whatever state it ends", () => {
    const circuit = newCircuit();
    const old = Array.from({ length: 4 }, () => admit(circuit, 0));
    call(circuit, "failure", 0, 20);
    circuit.record(old[0]!, "success", 1);
    expect(circuit.state).toBe("open");
    const probe = admit(circuit, 5_000);
    circuit.record(old[1]!, "success", 5_001);
    circuit.record(old[2]!, "failure", 5_001);
    expect(circuit.state).toBe("half_open");
    circuit.record(probe, "success", 5_002);
    circuit.record(old[3]!, "failure", 5_003);
    expect(circuit.inspect(5_003)).toMatchObject({ state: "closed", calls: 0 });
  });

  it("4: a probe that says nothing about the service gives its lease back and decides nothing", () => {
    const circuit = openCircuit(0, four);
    for (let i = 0; i < 100; i++) call(circuit, "neutral", 5_000 + i);
    expect(circuit.state).toBe("half_open");
    call(circuit, "success", 5_100, 3);
    expect(circuit.state).toBe("half_open");
    call(circuit, "success", 5_100);
    expect(circuit.state).toBe("closed");
  });

  it("5: a probe's lease comes back when the next circuit refuses the call, and when the caller goes away", async () => {
    const service = openCircuit(0);
    const route = openCircuit(4_000);
    expect(new Passes([service, route]).ask(5_000)).toBe(4_000);
    expect(service.state).toBe("half_open");
    expect(admit(service, 5_000).probe).toBe(true);

    const upstream = await server((request, response) => {
      if (request.url !== "/hangs") response.writeHead(request.url === "/ok" ? 200 : 500).end("{}");
    });
    const clock = new ManualClock();
    const circuit = { engine, minCalls: 1, openMs: 1_000 };
    const { mesh, events } = meshOf(
      [upstream.address],
      { circuit, retry: false },
      { clock, random: () => 0 },
    );
    const client = mesh.service("orders");
    await client.GET("/broken");
    await clock.advance(1_000);
    const caller = new AbortController();
    const gone = rejection(client.GET("/hangs", { signal: caller.signal }));
    caller.abort(new Error("changed my mind"));
    expect(await gone).toMatchObject({ message: "changed my mind" });
    expect((await client.GET("/ok")).response.status).toBe(200);
    expect(events("circuit.closed")).toHaveLength(1);
  });

  it("6: a service that comes back is not flooded: no more probes run at once than it takes to see that it is broken", () => {
    const circuit = openCircuit(0, { probes: 10, failureRatio: 0.3 });
    const probes = Array.from({ length: 3 }, () => admit(circuit, 5_000));
    expect(circuit.admit(5_000).admitted).toBe(false);
    circuit.record(probes[0]!, "failure", 5_001);
    // With one failed, two more failures open it again, and two probes are out.
    expect(circuit.admit(5_001).admitted).toBe(false);
    circuit.record(probes[1]!, "success", 5_002);
    expect(circuit.admit(5_002).admitted).toBe(true);
    expect(circuit.admit(5_002).admitted).toBe(false);
  });

  it("7: probes do not come in a burst: they keep their interval, however fast they end", () => {
    const circuit = openCircuit(0, { probes: 3, probeIntervalMs: 200 });
    call(circuit, "success", 5_000);
    expect(circuit.admit(5_000)).toEqual({ admitted: false, retryAfterMs: 200 });
    expect(circuit.admit(5_199)).toEqual({ admitted: false, retryAfterMs: 1 });
    call(circuit, "neutral", 5_200);
    expect(circuit.admit(5_399).admitted).toBe(false);
    call(circuit, "success", 5_400);
    call(circuit, "success", 5_600);
    expect(circuit.state).toBe("closed");
  });

  it("8: recovery does not starve: the first call after the open time is the probe, however long nobody called, and whoever waits as told is let in", () => {
    const circuit = openCircuit(0);
    const refused = circuit.admit(100);
    if (refused.admitted) throw new Error("it should be open");
    expect(admit(circuit, 100 + refused.retryAfterMs).probe).toBe(true);

    const idle = openCircuit(0, four);
    const first = admit(idle, 86_400_000);
    idle.record(first, "success", 86_400_001);
    // Nor does it matter how long it is left half-open.
    call(idle, "success", 2 * 86_400_000, 3);
    expect(idle.state).toBe("closed");
  });

  it("9: many clients do not hammer a dead service in step: the time open grows, is jittered, and heeds Retry-After", () => {
    const times: number[] = [];
    const chances = [0, 0.5, 0.25, 0, 0];
    const circuit = newCircuit(
      { minCalls: 1, maxOpenMs: 30_000 },
      { onOpen: ({ openMs }) => times.push(openMs) },
      0,
      () => chances.shift() ?? 0,
    );
    let now = 0;
    for (const retryAfterMs of [0, 0, 0, 29_000, 3_600_000]) {
      circuit.record(admit(circuit, now), "failure", now, 0, retryAfterMs);
      now += times.at(-1) ?? 0;
    }
    // 20 s × (1 + 0.2 × 0.25); 30 s at most, whatever an answer asks for.
    expect(times).toEqual([5_000, 11_000, 21_000, 30_000, 30_000]);

    circuit.reset(now);
    circuit.record(admit(circuit, now), "failure", now, 0, 12_000);
    expect(circuit.admit(now)).toEqual({ admitted: false, retryAfterMs: 12_000 });
  });

  it("10: where everything fails and calls shall pass all the same, they do, by configuration, and are counted", () => {
    const circuit = openCircuit(0, { mode: "metrics-only" });
    expect(circuit.state).toBe("open");
    for (let i = 0; i < 50; i++) expect(circuit.admit(100)).toMatchObject({ admitted: true, probe: false });
    expect(circuit.inspect(100)).toMatchObject({ mode: "metrics-only", refused: 50, openForMs: 4_900 });

    const forced = openCircuit(0);
    forced.setMode("forced-closed", 1);
    for (let i = 0; i < 50; i++) call(forced, "failure", 2);
    expect(forced.inspect(2)).toMatchObject({ mode: "forced-closed", state: "closed", refused: 0 });
  });
});
