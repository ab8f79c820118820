import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { Question } from "./endpoints-process.ts";
import type { SubjectName } from "./idle-subjects.ts";
import type { Row } from "./row.ts";

export interface EndpointsOptions {
  /** Changes that are measured; sweeps are a tenth of it. */
  readonly rounds: number;
  /** How long idle processes are watched, in milliseconds. */
  readonly idleMs: number;
  readonly progress: (text: string) => void;
}

const count = 10_000;
const endpoint = `idle endpoint of ${count}`;
const names: Readonly<Record<SubjectName, string>> = {
  mesh: endpoint,
  opossum: `idle opossum breaker of ${count}`,
  cockatiel: `idle cockatiel breaker of ${count}`,
  nothing: "idle process",
};
const kept = ["mesh", "opossum", "cockatiel"] as const;

/** What ten thousand endpoints cost while nothing happens, when one of them changes, and when they are looked after. */
export async function benchEndpoints(options: EndpointsOptions): Promise<readonly Row[]> {
  const { idleMs, progress, rounds } = options;
  progress(`endpoints: ${count} of each, idle`);
  // All at once: what is idle does not disturb the others.
  const idle = await Promise.all(
    [...kept, "nothing" as const].map(async (subject) => {
      const [bytes, share] = await ask({ what: "memory", subject, count, idleMs });
      return { subject, bytes: bytes!, percent: 100 * share! };
    }),
  );
  const timers: Row[] = [];
  for (const subject of kept) {
    progress(`endpoints: timers of ${subject}`);
    const [value] = await ask({ what: "timers", subject, count });
    timers.push(row(names[subject], "timers", value!, subject === "mesh" ? 0 : null));
  }
  progress("endpoints: one change");
  const [busy, usualBusy, turn, usualTurn] = await ask({ what: "change", count, rounds });
  progress("endpoints: sweep");
  const [sweep, usualSweep] = await ask({ what: "sweep", count, rounds: Math.ceil(rounds / 10) });
  return [
    ...idle
      .filter(({ subject }) => subject !== "nothing")
      .map(({ bytes, subject }) => row(names[subject], "bytes", bytes, subject === "mesh" ? 1_024 : null)),
    ...timers,
    ...idle.map(({ percent, subject }) =>
      row(names[subject], "core", percent, subject === "mesh" ? 0.2 : null),
    ),
    row(`one change among ${count}`, "ms", busy!, 5, usual(usualBusy)),
    row(`one change among ${count}, longest turn`, "ms", turn!, 5, usual(usualTurn)),
    row(`sweep over ${count} in use, longest turn`, "ms", sweep!, 5, usual(usualSweep)),
  ];
}

function row(name: string, metric: Row["metric"], value: number, target: number | null, note = ""): Row {
  return { name, metric, value, ratio: null, against: null, target, note };
}

function usual(ms: number | undefined): string {
  return `median ${ms!.toFixed(1)}`;
}

/** Puts a question to a process of its own: what one measures shall not weigh on the next. */
export async function ask(question: Question): Promise<readonly (number | undefined)[]> {
  const file = fileURLToPath(new URL("endpoints-process.ts", import.meta.url));
  const child = fork(file, { execArgv: ["--expose-gc"] });
  const ended = new AbortController();
  child.once("exit", () => {
    ended.abort(new Error(`the process that measures ${question.what} ended`));
  });
  const answered = once(child, "message", { signal: ended.signal });
  child.send(question);
  const [numbers]: unknown[] = await answered;
  if (!Array.isArray(numbers)) throw new Error(`no numbers for ${question.what}`);
  return numbers.map(Number);
}
