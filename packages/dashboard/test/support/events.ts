import type { IncomingMessage } from "node:http";

/** One event of a stream. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** Reads server-sent events off an answer, one after the other; ends with it. */
export async function* eventsOf(answer: IncomingMessage): AsyncGenerator<StreamEvent, void, undefined> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += String(chunk);
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const lines = part.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
      const field = (name: string): string | undefined => lines.find((line) => line?.[1] === name)?.[2];
      const data = field("data");
      if (data !== undefined) yield { name: field("event") ?? "message", data };
    }
  }
}

/** The next event. */
export async function nextEvent(events: AsyncGenerator<StreamEvent, void, undefined>): Promise<StreamEvent> {
  const { done, value } = await events.next();
  if (done === true || value === undefined) throw new Error("the stream has ended");
  return value;
}
