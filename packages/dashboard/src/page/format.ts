const counts = new Intl.NumberFormat("en");
const times = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** `0.42 ms`, `12 ms`, `3.4 s`; a dash where nothing is known. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 1000) return `${digits(ms / 1000)} s`;
  return `${digits(ms)} ms`;
}

/** `0.4`, `12.3`, `2,000`. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? counts.format(Math.round(perSecond)) : String(Math.round(10 * perSecond) / 10);
}

/** `0.4 %`, `12 %`. */
export function formatPercent(ratio: number): string {
  const percent = 100 * ratio;
  if (percent > 0 && percent < 10) return `${Math.round(10 * percent) / 10} %`;
  return `${Math.round(percent)} %`;
}

/** `1,004`. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** `14:03:07`, in the reader's time zone. */
export function formatTime(atMs: number): string {
  return times.format(atMs);
}

/** Three digits at most. */
export function digits(value: number): string {
  if (value >= 100) return counts.format(Math.round(value));
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

/** `1 call`, `2 calls`. */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
