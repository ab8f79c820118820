/** Turns values into places on the paper. */
export interface Scale {
  at(value: number): number;
  /** Values worth a line and a label. */
  readonly ticks: readonly number[];
}

/** From `[0, max]` to `[from, to]`. */
export function linear(max: number, from: number, to: number): Scale {
  const top = max > 0 ? max : 1;
  const step = roundStep(top / 5);
  const ticks = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
  return { at: (value) => from + ((to - from) * value) / top, ticks };
}

/** From `[min, max]` to `[from, to]` by orders of magnitude, for latencies: a tenfold is as high anywhere. */
export function logarithmic(min: number, max: number, from: number, to: number): Scale {
  const low = Math.log10(min);
  const span = Math.max(Math.log10(max) - low, 0.3);
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= low + span; power++) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      const height = Math.log10(tick) - low;
      if (height >= -1e-9 && height <= span + 1e-9) ticks.push(tick);
    }
  }
  return { at: (value) => from + ((to - from) * (Math.log10(value) - low)) / span, ticks };
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const digit = [1, 2, 5, 10].find((one) => one * power >= raw) ?? 10;
  return digit * power;
}
