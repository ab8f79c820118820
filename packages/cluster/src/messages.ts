import { isRecord } from "@proxyless/core/discovery";

/** What every message of ours has: others may use the same channel, and leave alone what has it. */
const mark = "@proxyless/cluster";
const version = 1;

/** From the primary to its workers. */
export type ToWorkers =
  /** Who is there? */
  | { readonly kind: "who" }
  /** What do you have to say of this? */
  | {
      readonly kind: "ask";
      readonly collector: string;
      readonly number: number;
      readonly topic: string;
    };

/** From a worker to the primary. */
export type ToPrimary = {
  /** Which of those in the same worker: 1 for the first. */
  readonly reporter: number;
  /** Where several threads talk in one place: which. */
  readonly thread?: number;
} & (
  | { readonly kind: "hello" }
  /** The last words, by topic. */
  | { readonly kind: "bye"; readonly words: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "answer";
      readonly collector: string;
      readonly number: number;
      readonly topic: string;
      readonly content: unknown;
    }
);

/** A message with the mark. */
export function marked(message: ToWorkers | ToPrimary): object {
  return { [mark]: version, ...message };
}

/** Whether it is one of ours, be it right or wrong. */
export function isMarked(message: unknown): message is Readonly<Record<string, unknown>> {
  return isRecord(message) && mark in message;
}

/** What the primary said; undefined for what makes no sense. */
export function readToWorkers(message: unknown): ToWorkers | undefined {
  if (!isMarked(message) || message[mark] !== version) return undefined;
  const { collector, kind, number, topic } = message;
  if (kind === "who") return { kind };
  if (kind !== "ask" || typeof collector !== "string" || typeof topic !== "string") return undefined;
  return typeof number === "number" ? { kind, collector, number, topic } : undefined;
}

/** What a worker said; undefined for what makes no sense. */
export function readToPrimary(message: unknown): ToPrimary | undefined {
  if (!isMarked(message) || message[mark] !== version) return undefined;
  const { collector, content, kind, number, reporter, thread, topic, words } = message;
  if (!isSmallNumber(reporter) || (thread !== undefined && !isSmallNumber(thread))) return undefined;
  const from = thread === undefined ? { reporter } : { reporter, thread };
  if (kind === "hello") return { ...from, kind };
  if (kind === "bye") return isRecord(words) ? { ...from, kind, words } : undefined;
  if (kind !== "answer" || typeof collector !== "string" || typeof topic !== "string") return undefined;
  return typeof number === "number" ? { ...from, kind, collector, number, topic, content } : undefined;
}

function isSmallNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
