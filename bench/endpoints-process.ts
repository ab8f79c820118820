import { createHook } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { measureChange } from "./endpoint-change.ts";
import { changeCpu, sweepCpu } from "./endpoint-cpu.ts";
import { measureSweep } from "./endpoint-sweep.ts";
import { usedBytes } from "./heap.ts";
import { openSubject } from "./idle-subjects.ts";
import type { SubjectName } from "./idle-subjects.ts";

/** What the process is asked for; it answers with numbers and ends. */
export type Question =
  | {
      readonly what: "memory";
      readonly subject: SubjectName;
      readonly count: number;
      readonly idleMs: number;
    }
  | { readonly what: "timers"; readonly subject: SubjectName; readonly count: number }
  | { readonly what: "change"; readonly count: number; readonly rounds: number }
  | { readonly what: "sweep"; readonly count: number; readonly rounds: number }
  | { readonly what: "change-cpu" | "sweep-cpu"; readonly count: number; readonly rounds: number };

/** Enough to have loaded and compiled what the measured ones need too. */
const few = 10;

async function answer(question: Question): Promise<readonly number[]> {
  const { count, what } = question;
  if (what === "memory") return measureIdle(question.subject, count, question.idleMs);
  if (what === "timers") return [await measureTimers(question.subject, count)];
  if (what === "change-cpu") return [await changeCpu(count, question.rounds)];
  if (what === "sweep-cpu") return [await sweepCpu(count, question.rounds)];
  return what === "change" ? measureChange(count, question.rounds) : measureSweep(count, question.rounds);
}

/** Bytes for each of `count`, then the share of a core that the process takes while nothing happens. */
async function measureIdle(name: SubjectName, count: number, idleMs: number): Promise<readonly number[]> {
  await (await openSubject(name, few)).close();
  const before = await usedBytes();
  const subject = await openSubject(name, count);
  const bytes = ((await usedBytes()) - before) / count;
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await wait(idleMs);
  const { system, user } = process.cpuUsage(cpu);
  const share = (system + user) / 1_000 / (performance.now() - begin);
  await subject.close();
  return [bytes, share];
}

/** Timers that each one more brings, also those that do not keep the process alive. */
async function measureTimers(name: SubjectName, count: number): Promise<number> {
  const alive = new Set<number>();
  const hook = createHook({
    init: (id, type) => {
      if (type === "Timeout") alive.add(id);
    },
    destroy: (id) => {
      alive.delete(id);
    },
  }).enable();
  const small = await openSubject(name, few);
  await wait(100);
  const fewTimers = alive.size;
  const large = await openSubject(name, count);
  await wait(100);
  const manyTimers = alive.size - fewTimers;
  hook.disable();
  await small.close();
  await large.close();
  // A process has timers of its own at first.
  return Math.max(0, manyTimers - fewTimers) / (count - few);
}

process.once("message", (question: Question) => {
  answer(question).then(
    (numbers) => process.send?.(numbers, () => process.exit()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
