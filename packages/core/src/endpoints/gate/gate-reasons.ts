import type { EndpointState } from "../endpoint-state.ts";
import type { GateReason } from "./gate-record.ts";

/** Whether nothing that the gate knows speaks against an endpoint. */
export function canBePicked({ gate, leaving, spec }: EndpointState, isPenalised: boolean): boolean {
  return (
    !leaving &&
    spec.weight > 0 &&
    spec.health !== "unhealthy" &&
    spec.health !== "draining" &&
    spec.health !== "starting" &&
    gate.activeHealth !== "unhealthy" &&
    gate.circuit === "closed" &&
    !gate.warming &&
    !isPenalised
  );
}

/** Everything that speaks against an endpoint, in words; empty when nothing does. */
export function gateReasons({ gate, leaving, spec }: EndpointState, now: number): readonly GateReason[] {
  const reasons: GateReason[] = [];
  if (leaving || spec.health === "draining") reasons.push({ kind: "draining", text: "draining" });
  if (spec.health === "unhealthy") reasons.push({ kind: "unhealthy", text: "unhealthy" });
  if (spec.health === "starting") reasons.push({ kind: "starting", text: "starting" });
  if (spec.weight === 0) reasons.push({ kind: "weight 0", text: "weight 0" });
  if (gate.warming)
    reasons.push({ kind: "warming up", text: "warming up: its connections are being opened" });
  if (gate.activeHealth === "unhealthy") {
    reasons.push({ kind: "health check", text: `health check: ${gate.activeDetail}` });
  }
  if (gate.circuit === "open" && now < gate.ejection.openUntil) {
    const endsInMs = gate.ejection.openUntil - now;
    const text = `ejected for another ${seconds(endsInMs)}: ${gate.ejection.cause}`;
    reasons.push({ kind: "ejected", text, endsInMs });
  } else if (gate.circuit !== "closed") {
    reasons.push({ kind: "probing", text: `waiting for probes after an ejection: ${gate.ejection.cause}` });
  }
  if (gate.penaltyUntil > 0) {
    // The sweep may come a moment later; until then the endpoint is closed, and says so.
    const endsInMs = Math.max(0, gate.penaltyUntil - now);
    reasons.push({ kind: "retry-after", text: leftAlone(endsInMs), endsInMs });
  }
  return reasons.length === 0 ? none : reasons;
}

const none: readonly GateReason[] = [];

/** What `Retry-After` asks for, in words. */
export function leftAlone(ms: number): string {
  return `asked to be left alone for ${seconds(ms)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toPrecision(2)} s`;
}
