import { describe, expect, it } from "vitest";

import type { CircuitState, ServiceOptions } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { answerOk } from "../support/http.ts";
import { meshOf, rejection, server } from "../support/mesh.ts";

const options: ServiceOptions = {
  retry: false,
  circuit: { minCalls: 2 },
  routes: [{ match: { path: "/own/*" }, circuit: { minCalls: 2 } }],
};

async function broken(): Promise<string> {
  return (await server((_, response) => response.writeHead(500).end())).address;
}

describe("what the circuits know", () => {
  it("is taken over by the mesh that comes after, for as long as it is left", async () => {
    const clock = new ManualClock();
    const { mesh } = meshOf([await broken()], options, { clock });
    for (let i = 0; i < 2; i++) await mesh.fetch("http://orders/own/x");
    const state: CircuitState = JSON.parse(JSON.stringify(mesh.exportCircuits()));
    expect(state.circuits.map(({ route }) => route)).toEqual([undefined, "/own/*"]);
    const healthy = await server(answerOk);
    await clock.advance(1_000);
    const after = meshOf([healthy.address], options, { clock, circuitState: state });
    const refused = { code: "ERR_PROXYLESS_CIRCUIT_OPEN" };
    expect(await rejection(after.mesh.fetch("http://orders/own/x"))).toMatchObject(refused);
    expect(await rejection(after.mesh.fetch("http://orders/other"))).toMatchObject(refused);
    await clock.advance(5_000);
    expect((await after.mesh.fetch("http://orders/other")).status).toBe(200);
  });

  it.each<[string, unknown]>([
    ["circuitState", 1],
    ["circuitState.version", { version: 2, exportedAt: 0, circuits: [] }],
    ["circuitState.circuits", { version: 1, exportedAt: 0, circuits: {} }],
    ["circuitState.circuits[0].service", { version: 1, exportedAt: 0, circuits: [{}] }],
  ])("is refused where %s is not what a mesh exports", (field, circuitState) => {
    const refusing = (): unknown =>
      // @ts-expect-error -- as untyped code would
      meshOf(["127.0.0.1:1"], options, { circuitState });
    expect(refusing).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
  });
});

describe("routes with the same path", () => {
  it("have circuits that are told apart by their methods", async () => {
    const route = (method: string): object => ({ match: { method, path: "/o" }, circuit: { minCalls: 1 } });
    const both: ServiceOptions = JSON.parse(
      JSON.stringify({ retry: false, circuit: false, routes: [route("GET"), route("POST")] }),
    );
    const { mesh } = meshOf([await broken()], both);
    await mesh.fetch("http://orders/o", { method: "POST", body: "x" });
    expect(mesh.circuit("orders", "POST /o").view.state).toBe("open");
    expect(mesh.circuit("orders", "GET /o").view.state).toBe("closed");
    expect(() => mesh.circuit("orders", "/o")).toThrow(/GET \/o, POST \/o/u);
    const healthy = await server(answerOk);
    const after = meshOf([healthy.address], both, { circuitState: mesh.exportCircuits() });
    expect((await after.mesh.fetch("http://orders/o")).status).toBe(200);
    expect(await rejection(after.mesh.fetch("http://orders/o", { method: "POST", body: "x" }))).toMatchObject(
      {
        code: "ERR_PROXYLESS_CIRCUIT_OPEN",
      },
    );
  });
});

describe("a circuit that is operated by hand", () => {
  it("refuses what it is told to refuse, and lets pass what it is told to let pass", async () => {
    const { mesh } = meshOf([await broken()], options);
    const circuit = mesh.circuit("orders");
    circuit.setMode("forced-open");
    expect(await rejection(mesh.fetch("http://orders/x"))).toMatchObject({
      code: "ERR_PROXYLESS_CIRCUIT_OPEN",
    });
    circuit.setMode("forced-closed");
    for (let i = 0; i < 5; i++) expect((await mesh.fetch("http://orders/x")).status).toBe(500);
    circuit.setMode("metrics-only");
    for (let i = 0; i < 5; i++) expect((await mesh.fetch("http://orders/x")).status).toBe(500);
    expect(circuit.view).toMatchObject({ mode: "metrics-only", state: "open" });
    circuit.setMode("auto");
    circuit.reset();
    expect(circuit.view).toMatchObject({ state: "closed", failures: 0 });
    expect(() => mesh.circuit("orders", "/nowhere")).toThrow(/one that has a circuit in orders/u);
  });
});
