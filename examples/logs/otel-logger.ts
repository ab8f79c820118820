import { SeverityNumber } from "@opentelemetry/api";
import type { Logger } from "@opentelemetry/api";
import type { FieldsFirstLogger, Level, LogFields } from "@proxyless/logs";

const severities: Readonly<Record<Level, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** A logger whose lines are log records of OpenTelemetry. Their trace is that of the context in which a line is said. */
export function otelLogger(logger: Logger): FieldsFirstLogger {
  const say = (level: Level) => (fields: LogFields, message: string) => {
    const { "event.name": eventName, trace_id: _, span_id: __, trace_flags: ___, ...attributes } = fields;
    logger.emit({
      severityNumber: severities[level],
      severityText: level.toUpperCase(),
      body: message,
      attributes: flat(attributes),
      ...(typeof eventName === "string" ? { eventName } : {}),
    });
  };
  return {
    trace: say("trace"),
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    isLevelEnabled: (level) => {
      const severityNumber = Object.entries(severities).find(([name]) => name === level)?.[1];
      return severityNumber === undefined || logger.enabled({ severityNumber });
    },
  };
}

function flat(fields: LogFields): Record<string, string | number | boolean> {
  const attributes: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      attributes[name] = value;
    }
  }
  return attributes;
}
