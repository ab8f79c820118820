/** A number of the control plane's, cut to what the mesh allows: out of range it means "as much as possible". */
export function within(value: number, min: number, max: number): number {
  return Number.isNaN(value) ? min : Math.min(Math.max(value, min), max);
}
