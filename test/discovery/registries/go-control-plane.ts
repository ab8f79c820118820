import { startXds } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";
import { impatience, notGrpc, xdsSource } from "./xds.ts";

/** Envoy's go-control-plane, which is given one snapshot of everything and keeps it in memory. */
export async function startGoControlPlane(protocol: "sotw" | "delta"): Promise<RegistryUnderTest> {
  const server = await startXds();
  const services = new Map<string, readonly WrittenEndpoint[]>();
  let version = 0;
  const serve = (): Promise<void> =>
    server.serve({
      version: String(++version),
      clusters: [...services.keys()].map((name) => ({
        name,
        type: "EDS",
        eds_cluster_config: { eds_config: { ads: {} } },
      })),
      endpoints: Array.from(services, ([name, list]) => assignment(name, list)),
    });
  return {
    name: `go-control-plane-${protocol}`,
    ...promisedTo("xds", {}, impatience),
    host: "127.0.0.1",
    port: server.port,
    source: (host, port, isImpatient = false) => xdsSource(host, port, isImpatient, protocol),
    // A snapshot is replaced as a whole.
    put: async (service, endpoints) => {
      services.set(service, endpoints);
      await serve();
    },
    kill: () => server.kill(),
    // Whoever feeds it does so again.
    restart: async () => {
      await server.restart();
      await serve();
    },
    restartEmpty: async () => {
      services.clear();
      await server.restart();
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    garbage: notGrpc,
    stop: () => server.stop(),
  };
}

function assignment(name: string, list: readonly WrittenEndpoint[]): object {
  const endpoints = list.map(({ host, port }) => ({
    health_status: "HEALTHY",
    endpoint: { address: { socket_address: { address: host, port_value: port } } },
  }));
  const locality = { region: "r", zone: "a" };
  return {
    cluster_name: name,
    endpoints: [{ locality, load_balancing_weight: Math.max(1, list.length), lb_endpoints: endpoints }],
  };
}
