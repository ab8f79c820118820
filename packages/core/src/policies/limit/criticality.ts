import { criticalities } from "../../context/criticality.ts";
import type { Criticality } from "../../context/criticality.ts";

export { criticalities };
export type { Criticality };

/** How many levels there are. */
export const levels = 4;

const numbers: Readonly<Record<Criticality, number>> = {
  critical_plus: 0,
  critical: 1,
  sheddable_plus: 2,
  sheddable: 3,
};

/** The level as a number: 0 for `critical_plus` to 3 for `sheddable`. */
export function levelOf(criticality: Criticality): number {
  return numbers[criticality];
}
