import type { Clock, TimerHandle } from "@proxyless/core";

import type { Link, LinkListener } from "./links/link.ts";
import { isMarked, marked, readToPrimary } from "./messages.ts";
import type { ToPrimary } from "./messages.ts";

/** Something that workers are asked of, and what becomes of the answers. */
export interface Subject {
  /** @returns whether it was taken, and why not, or not all of it */
  take(worker: string, content: unknown): { readonly isTaken: boolean; readonly problem?: string };
  /** The worker has ended. */
  drop(worker: string): void;
}

/** What went wrong with a worker. */
export interface WorkerProblem {
  /** `late`: no answer before the deadline. `skipped`: it said what makes no sense. `refused`: there are too many workers. */
  readonly kind: "late" | "skipped" | "refused";
  /** `cluster-3`, `thread-7`, `process-4711`; `.2` and so on behind it for further reporters of the same worker. */
  readonly worker: string;
  readonly detail: string;
}

interface RosterOptions {
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly maxWorkers: number;
  readonly onProblem: (problem: WorkerProblem) => void;
}

interface Question {
  readonly topic: string;
  readonly waiting: Set<string>;
  readonly answered: Set<string>;
  readonly end: () => void;
}

let collectors = 0;

/** The workers that have said that they are there, and what they are being asked. */
export class Roster implements LinkListener {
  readonly #options: RosterOptions;
  readonly #collector: string;
  readonly #links = new Set<Link>();
  readonly #subjects = new Map<string, Subject>();
  /** By name: the process or thread. */
  readonly #workers = new Map<string, string>();
  readonly #questions = new Map<number, Question>();
  /** Late, and said so: once until they answer again. */
  readonly #silent = new Set<string>();
  #lastNumber = 0;
  #endings = 0;
  #skips = 0;

  constructor(options: RosterOptions) {
    this.#options = options;
    // Threads of the same process are asked in the same place.
    this.#collector = `${process.pid}.${++collectors}`;
  }

  /** How many workers have ended. */
  get endings(): number {
    return this.#endings;
  }

  /** How often something that was said was not taken. */
  get skips(): number {
    return this.#skips;
  }

  /** Their names. */
  get workers(): readonly string[] {
    return [...this.#workers.keys()];
  }

  add(link: Link): void {
    this.#links.add(link);
    link.send(marked({ kind: "who" }));
  }

  remove(link: Link): void {
    this.#links.delete(link);
    link.close();
  }

  /** @param topic what its answers are of */
  speakOf(topic: string, subject: Subject): void {
    this.#subjects.set(topic, subject);
  }

  /** Asks all workers. @returns those who have answered before the deadline, and the others */
  async ask(topic: string): Promise<{ answered: Set<string>; late: Set<string> }> {
    const answered = new Set<string>();
    const waiting = new Set(this.#workers.keys());
    if (waiting.size === 0) return { answered, late: waiting };
    const { clock, deadlineMs, onProblem } = this.#options;
    const number = ++this.#lastNumber;
    let timer: TimerHandle | undefined;
    const ended = new Promise<void>((resolve) => {
      timer = clock.setTimer(resolve, deadlineMs, undefined, true);
      this.#questions.set(number, { topic, waiting, answered, end: resolve });
    });
    const message = marked({ kind: "ask", collector: this.#collector, number, topic });
    const sources = new Set(this.#workers.values());
    for (const link of this.#links) link.send(message, sources);
    await ended;
    if (timer !== undefined) clock.clearTimer(timer);
    this.#questions.delete(number);
    for (const worker of waiting) {
      if (this.#silent.has(worker)) continue;
      this.#silent.add(worker);
      onProblem({ kind: "late", worker, detail: `no answer in ${deadlineMs} ms` });
    }
    return { answered, late: waiting };
  }

  heard(source: string, message: unknown): void {
    if (!isMarked(message)) return;
    const read = readToPrimary(message);
    if (read === undefined) this.#skip(source, "a message that makes no sense");
    else this.#hear(source, read.reporter === 1 ? source : `${source}.${read.reporter}`, read);
  }

  ended(source: string): void {
    for (const [name, of] of this.#workers) if (of === source) this.#end(name);
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
    for (const question of this.#questions.values()) question.end();
  }

  #hear(source: string, name: string, message: ToPrimary): void {
    if (!this.#workers.has(name)) {
      if (message.kind !== "hello") return;
      if (this.#workers.size >= this.#options.maxWorkers) {
        const detail = `there are ${this.#options.maxWorkers} workers already`;
        this.#options.onProblem({ kind: "refused", worker: name, detail });
      } else this.#workers.set(name, source);
    } else if (message.kind === "bye") {
      for (const [topic, content] of Object.entries(message.words)) this.#take(name, topic, content);
      this.#end(name);
    } else if (message.kind === "answer" && message.collector === this.#collector) {
      this.#silent.delete(name);
      const isTaken = this.#take(name, message.topic, message.content);
      // Who was asked the same several times has answered the last of them; what comes too late is news all the same.
      for (const [number, { answered, end, topic, waiting }] of this.#questions) {
        if (topic !== message.topic || number > message.number || !waiting.delete(name)) continue;
        if (isTaken) answered.add(name);
        if (waiting.size === 0) end();
      }
    }
  }

  #take(name: string, topic: string, content: unknown): boolean {
    const taken = this.#subjects.get(topic)?.take(name, content);
    if (taken?.problem !== undefined) this.#skip(name, taken.problem);
    return taken?.isTaken === true;
  }

  #skip(worker: string, detail: string): void {
    this.#skips++;
    this.#options.onProblem({ kind: "skipped", worker, detail });
  }

  #end(name: string): void {
    this.#workers.delete(name);
    this.#silent.delete(name);
    this.#endings++;
    for (const subject of this.#subjects.values()) subject.drop(name);
    for (const question of this.#questions.values()) {
      if (question.waiting.delete(name) && question.waiting.size === 0) question.end();
    }
  }
}
