/**
 * How much a request matters, most first. Limiters shed the end of this list first; the names and their order are
 * those of Google's SRE book ("Handling Overload").
 */
export const criticalities = ["critical_plus", "critical", "sheddable_plus", "sheddable"] as const;

/**
 * `critical_plus`: serious trouble that users see, if it fails. `critical`: users notice; what production traffic is by
 * default. `sheddable_plus`: batch work that may fail now and then. `sheddable`: may fail for long.
 */
export type Criticality = (typeof criticalities)[number];

/** Whether a value names a criticality. */
export function isCriticality(value: unknown): value is Criticality {
  return criticalities.some((one) => one === value);
}
