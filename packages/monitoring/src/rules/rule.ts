/** Labels or annotations, by name. */
export type Labels = Readonly<Record<string, string>>;

/** A query whose result Prometheus keeps as a series. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** A query that is an alert while it has a result. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it has to have a result first; at once when absent. */
  readonly for?: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

/** Rules that Prometheus evaluates one after the other. */
export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** The content of a rule file. */
export interface PrometheusRules {
  readonly groups: readonly RuleGroup[];
}
