import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { GateReporter } from "../endpoints/gate/gate-reporter.ts";
import type { EventHub } from "../event-hub.ts";

/** Turns what a gate does into events. */
export function reportGate(events: EventHub, service: string): GateReporter {
  const subject = (state: EndpointState): { service: string; endpoint: string; id: string } => ({
    service,
    endpoint: state.address,
    id: state.id,
  });
  return {
    ejected(state, { detector, ejectionMs, ejections, text }) {
      if (!events.wants("endpoint.ejected")) return;
      const found = { detector, reason: text, ejectionMs, ejections };
      events.emit({ type: "endpoint.ejected", ...subject(state), ...found });
    },
    skipped(state, detector, text, why) {
      if (!events.wants("endpoint.ejection_skipped")) return;
      events.emit({ type: "endpoint.ejection_skipped", ...subject(state), detector, reason: text, why });
    },
    returned(state, how) {
      if (!events.wants("endpoint.returned")) return;
      events.emit({ type: "endpoint.returned", ...subject(state), how });
    },
  };
}
