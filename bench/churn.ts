import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { service } from "./busy-mesh.ts";
import type { ChurnAnswer, ChurnQuestion } from "./churn-process.ts";
import { churnRegistries } from "./churn-registries.ts";
import { Churning, written } from "./churning.ts";
import type { Row } from "./row.ts";

export interface ChurnOptions {
  /** How long the endpoints change, in seconds. */
  readonly seconds: number;
  /** `memory` and the registries that are followed; where it is empty, all of them. */
  readonly only: readonly string[];
  readonly progress: (text: string) => void;
}

/** What is asked of each of them. */
export type ChurnLoad = Omit<ChurnQuestion, "registry">;

const load = { endpoints: 10_000, clients: 200, changesPerSecond: 100 } as const;
/** A heap is never the same to the byte; a list that were kept at each update would be hundreds of times this. */
const flatBytes = 2 * 1_024 * 1_024;

/** What it costs to follow a service of 10,000 endpoints of which 100 change each second, with 200 clients of it. */
export async function benchChurn({ only, progress, seconds }: ChurnOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const name of only.length === 0 ? ["memory", ...Object.keys(churnRegistries)] : only) {
    progress(`churn: ${name}, ${seconds} s of ${load.changesPerSecond} changes/s among ${load.endpoints}`);
    // eslint-disable-next-line no-await-in-loop -- one at a time has the machine
    rows.push(...rowsOf(name, await churnOf(name, { ...load, seconds }), seconds));
  }
  return rows;
}

/** Follows the changes of one kind of source; the server of a registry, and who writes to it, are other processes. */
export async function churnOf(name: string, question: ChurnLoad): Promise<ChurnAnswer> {
  if (name === "memory") return askChurn({ ...question, registry: undefined });
  const registry = churnRegistries[name];
  if (registry === undefined) throw new Error(`churn knows no ${name}`);
  const server = await registry.start();
  try {
    const first = Array.from({ length: question.endpoints }, (_, i) => written(i, 0));
    await server.writer.put(service, first);
    const churning = new Churning(server.writer, service, question);
    const answer = await askChurn({ ...question, registry: { name, at: server.at } });
    await churning.stop();
    return answer;
  } finally {
    await server.stop();
  }
}

function rowsOf(source: string, answer: ChurnAnswer, seconds: number): readonly Row[] {
  const { clients, changesPerSecond, endpoints } = load;
  if (answer.watches !== 1) throw new Error(`${clients} clients made ${answer.watches} watches`);
  const of = source === "memory" ? "" : `${source} `;
  const name = `${of}churn of ${endpoints}, ${changesPerSecond}/s`;
  const row = (what: string, metric: Row["metric"], value: number, target: number | null): Row => ({
    name: `${name}${what}`,
    metric,
    value,
    ratio: null,
    against: null,
    target,
  });
  const perSecond = (answer.updates / seconds).toFixed(1);
  return [
    {
      ...row("", "core", 100 * answer.share, 10),
      note: `${perSecond} updates/s, 1 watch for ${clients} clients`,
    },
    {
      ...row(", longest turn", "ms", answer.longestMs, 10),
      note: `median ${answer.usualMs.toFixed(1)}`,
    },
    {
      ...row(", longest turn of the first list", "ms", answer.firstMs, 10),
      note: "code that is not compiled yet",
    },
    {
      ...row(", longest turn in the five seconds after it", "ms", answer.startMs, null),
      note: "the same",
    },
    row(", heap growth in all", "bytes", answer.heapBytes, flatBytes),
    row(", heap and buffers afterwards", "bytes", answer.usedBytes, null),
  ];
}

/** Asks a process of its own: what one measures shall not weigh on the next. */
export async function askChurn(question: ChurnQuestion): Promise<ChurnAnswer> {
  const file = fileURLToPath(new URL("churn-process.ts", import.meta.url));
  const child = fork(file, { execArgv: ["--expose-gc"] });
  const ended = new AbortController();
  child.once("exit", () => {
    ended.abort(new Error("the process that measures churn ended"));
  });
  const answered = once(child, "message", { signal: ended.signal });
  child.send(question);
  const [answer]: ChurnAnswer[] = await answered;
  if (answer === undefined) throw new Error("no answer of the process that measures churn");
  return answer;
}
