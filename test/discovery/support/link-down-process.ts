import { execFileSync } from "node:child_process";

import { linkCases } from "../link-cases.ts";
import { NamespaceLink } from "../namespace-link.ts";
import { registries } from "../registries/index.ts";
import { Trial } from "../trial.ts";

// What is done to the link to a registry, by a link or by a relay: node link-down-process.ts REGISTRY link|relay. It says what was
// wrong. With a link it is root of a network of its own, in which there is nothing yet.
const [name = "", way] = process.argv.slice(2);
if (way === "link") execFileSync("ip", ["link", "set", "lo", "up"]);
const registry = await registries[name]?.start();
if (registry === undefined) throw new Error(`there is no registry ${name}`);
const wrong: string[] = [];
for (const [index, chaos] of linkCases.entries()) {
  const endings: (() => void | Promise<void>)[] = [];
  const link = way === "link" ? await NamespaceLink.start(registry.host, registry.port) : undefined;
  try {
    const atEnd = (end: () => void | Promise<void>): void => void endings.push(end);
    const trial = await Trial.start(registry, `${name}-${index}`, chaos.isImpatient ?? false, atEnd, link);
    await chaos.run(trial);
    wrong.push(...(await trial.ends()));
  } catch (error) {
    wrong.push(`when it ${chaos.what}: ${String(error)}`);
  } finally {
    for (const end of endings.toReversed()) await end();
  }
}
await registry.stop();
process.stdout.write(JSON.stringify(wrong));
