import { statSync } from "node:fs";

import { consul } from "@proxyless/discovery-consul";

import { findBinary, installServer, recipeOf, startConsul, until } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import type { Registry } from "./registry.ts";

/** How often the baseline asks for the list. */
const pollMs = 1000;

/**
 * A Consul agent of our own: installed when this machine has none, started without root, gone when closed. The
 * baseline reads the passing instances of the same agent every second, which is generous: it sees health changes.
 */
export async function consulRegistry(say: (text: string) => void): Promise<Registry> {
  await install(say);
  const agent = await startConsul();
  say(`Consul ${agent.version} runs at ${agent.url}`);
  let known: readonly string[] = [];
  let polling: Promise<void> = Promise.resolve();
  const poll = async (): Promise<void> => {
    known = await passing(agent).catch(() => known);
  };
  const timer = setInterval(() => {
    polling = poll();
  }, pollMs);
  return {
    description: `Consul ${agent.version}`,
    source: consul({ url: agent.url }),
    consul: { url: agent.url },
    addresses: () => known,
    listed: async ({ name, port }) => {
      await until(`${name} is listed by Consul`, 10_000, async () => {
        await poll();
        return known.includes(`127.0.0.1:${port}`) ? true : undefined;
      });
    },
    close: async () => {
      clearInterval(timer);
      await polling;
      await agent.stop();
    },
  };
}

async function install(say: (text: string) => void): Promise<void> {
  const recipe = recipeOf("consul");
  if (findBinary(recipe) !== undefined) return;
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(0);
  say(`getting Consul ${recipe.version} from Debian, once and without root…`);
  const timer = setInterval(() => {
    say(`getting Consul ${recipe.version} from Debian… ${seconds()} s`);
  }, 2000);
  try {
    const path = await installServer("consul");
    say(
      `Consul ${recipe.version} is here after ${seconds()} s: ${(statSync(path).size / 1e6).toFixed(0)} MB`,
    );
  } finally {
    clearInterval(timer);
  }
}

async function passing(agent: ConsulAgent): Promise<readonly string[]> {
  const entries = await agent.call("GET", "/v1/health/service/orders?passing");
  if (!Array.isArray(entries)) return [];
  return entries.map(
    (entry: { Service: { Address: string; Port: number } }) =>
      `${entry.Service.Address}:${entry.Service.Port}`,
  );
}
