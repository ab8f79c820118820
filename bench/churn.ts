import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { ChurnAnswer, ChurnQuestion } from "./churn-process.ts";
import type { Row } from "./row.ts";

export interface ChurnOptions {
  /** How long the endpoints change, in seconds. */
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

const endpoints = 10_000;
const clients = 200;
const changesPerSecond = 100;
/** A heap is never the same to the byte; a list that were kept at each update would be hundreds of times this. */
const flatBytes = 2 * 1_024 * 1_024;

/** What it costs to follow a service of 10,000 endpoints of which 100 change each second, with 200 clients of it. */
export async function benchChurn({ progress, seconds }: ChurnOptions): Promise<readonly Row[]> {
  progress(`churn: ${seconds} s of ${changesPerSecond} changes/s among ${endpoints}`);
  const answer = await askChurn({ endpoints, clients, changesPerSecond, seconds });
  if (answer.watches !== 1) throw new Error(`${clients} clients made ${answer.watches} watches`);
  const name = `churn of ${endpoints}, ${changesPerSecond}/s`;
  const what = { ratio: null, against: null };
  const perSecond = (answer.updates / seconds).toFixed(1);
  return [
    {
      ...what,
      name,
      metric: "core",
      value: 100 * answer.share,
      target: 10,
      note: `${perSecond} updates/s, 1 watch for ${clients} clients`,
    },
    {
      ...what,
      name: `${name}, longest turn`,
      metric: "ms",
      value: answer.longestMs,
      target: 10,
      note: `median ${answer.usualMs.toFixed(1)}`,
    },
    {
      ...what,
      name: `${name}, heap growth in all`,
      metric: "bytes",
      value: answer.heapBytes,
      target: flatBytes,
    },
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
