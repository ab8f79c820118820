/** A duration as people read it: `850 ms`, `1.5 s`, `30 s`, `2 min`. */
export function time(ms: number): string {
  if (!Number.isFinite(ms)) return "ever";
  if (ms < 1000) return `${round(ms)} ms`;
  if (ms < 120_000) return `${round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${round(ms / 60_000)} min` : `${round(ms / 3_600_000)} h`;
}

/** `1 endpoint`, `2 endpoints`. */
export function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? "" : "s"}`;
}

/** A part of a whole, as percent. */
export function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

/** `orders`, or `/orders/{id} of orders`. */
export function target(service: string, route: string | undefined): string {
  return route === undefined ? service : `${route} of ${service}`;
}

/** What is said of a value; nothing where there is none. */
export function when<T>(value: T | undefined, say: (value: T) => string): string {
  return value === undefined ? "" : say(value);
}

/** A text without its numbers: how long it took, and how many there were, makes no two reasons different. */
export function numberless(text: string): string {
  return text.replaceAll(/\d+/g, "#");
}

/** Two digits that matter; more would only be noise. */
function round(n: number): number {
  return n < 10 ? Math.round(n * 10) / 10 : Math.round(n);
}
