import type { ConsulAgent } from "./consul-agent.ts";
import { startConsul } from "./consul.ts";
import { until } from "./until.ts";

/**
 * Starts one development agent for each datacenter, all on 127.0.0.1, joins them over the WAN and waits until each can
 * be asked about every other.
 */
export async function startConsulDatacenters(names: readonly string[]): Promise<readonly ConsulAgent[]> {
  const agents = await Promise.all(
    names.map((datacenter) =>
      startConsul({
        datacenter,
        nodeName: `server-${datacenter}`,
        // A failed member is noticed and forgotten as fast as Consul can.
        config: { gossip_wan: { probe_interval: "200ms", probe_timeout: "100ms", gossip_interval: "50ms" } },
      }),
    ),
  );
  const [first, ...others] = agents;
  try {
    if (first === undefined) throw new RangeError("at least one datacenter must be named");
    await Promise.all(
      others.map((agent) => first.call("PUT", `/v1/agent/join/${agent.host}:${agent.ports.serfWan}?wan=1`)),
    );
    await Promise.all(agents.map((agent) => knowsAll(agent, names)));
    return agents;
  } catch (error) {
    await Promise.all(agents.map((agent) => agent.stop()));
    throw error;
  }
}

async function knowsAll(agent: ConsulAgent, names: readonly string[]): Promise<void> {
  await until(`${agent.url} reaches ${names.join(", ")}`, 30_000, async () => {
    const answers = await Promise.all(
      names.map((name) => agent.request("GET", `/v1/health/service/consul?dc=${name}`)),
    );
    return answers.every(({ status, body }) => status === 200 && Array.isArray(body) && body.length === 1)
      ? true
      : undefined;
  });
}
