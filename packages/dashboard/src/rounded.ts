/** To whole parts of one: `rounded(0.1234, 100)` is 0.12. What is rounded changes seldom, and is short to send. */
export function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}

/** What is drawn to a part in a thousand is rounded once, there: twice would draw 0.04348 as 4.4 %. */
export const shareSteps = 1e6;
