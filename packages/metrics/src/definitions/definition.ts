/** What a number means: see the instruments of OpenTelemetry, whose words these are. */
export type InstrumentKind = "histogram" | "counter" | "updowncounter" | "gauge";

/** One instrument: its name and unit as OpenTelemetry has them. */
export interface Definition {
  readonly name: string;
  readonly kind: InstrumentKind;
  /** UCUM. */
  readonly unit: string;
  readonly description: string;
  /** Attributes that its series can have; those of the option `attributes` come on top. */
  readonly attributes: readonly string[];
  /**
   * What several workers of one service come to, besides the sum: the highest of them, where all count the same things; or `each` by
   * itself, where neither means anything. Left out: their sum.
   */
  readonly workers?: "max" | "each";
  /** One series per endpoint: only where that was asked for. */
  readonly isPerEndpoint?: true;
}
