import { SourceError } from "@proxyless/core/discovery";

import type { Slice, SlicePort } from "./slice.ts";

/** A port of one slice, as a number. */
export interface ChosenPort {
  readonly port: number;
  readonly scheme: "http" | "https" | undefined;
}

/** Picks the wanted port of a slice; `undefined` where the slice does not have it. */
export type PortChoice = (slice: Slice) => ChosenPort | undefined;

/**
 * Decides which port of a service is called. Slices of one service differ in their ports (while a deployment changes the
 * number, or pods name it differently), so the name is chosen once for all and the number slice by slice.
 * @throws SourceError of class `config` when the wanted port is nobody's, or none is wanted and there are several
 */
export function choosePort(slices: readonly Slice[], wanted: string | number | undefined): PortChoice {
  if (typeof wanted === "number") return numbered(slices, wanted);
  const used = slices.filter((slice) => slice.endpoints.length > 0);
  const names = [...new Set(used.flatMap(({ ports }) => ports.map(({ name }) => name)))];
  const name = wanted ?? usual(names);
  if (name === undefined || (wanted !== undefined && names.length > 0 && !names.includes(wanted))) {
    throw missing(names, wanted);
  }
  return (slice) => {
    const found = slice.ports.find((port) => port.name === name);
    return found?.port === undefined ? undefined : { port: found.port, scheme: schemeOf(found) };
  };
}

function numbered(slices: readonly Slice[], wanted: number): PortChoice {
  const pick: PortChoice = (slice) => {
    const found = slice.ports.find(({ port }) => port === wanted);
    // A slice that names no number leaves it to the caller.
    const any =
      found ?? (slice.ports.length === 0 ? noName : slice.ports.find(({ port }) => port === undefined));
    return any === undefined ? undefined : { port: wanted, scheme: schemeOf(any) };
  };
  const used = slices.filter((slice) => slice.endpoints.length > 0);
  if (used.length > 0 && !used.some((slice) => pick(slice) !== undefined)) {
    throw missing([...new Set(used.flatMap(({ ports }) => ports.map(({ port }) => String(port))))], wanted);
  }
  return pick;
}

const noName: SlicePort = { name: "", port: undefined, appProtocol: undefined };

function usual(names: readonly string[]): string | undefined {
  if (names.length <= 1) return names[0] ?? "";
  return ["http", "https"].find((name) => names.includes(name));
}

function schemeOf({ name, appProtocol }: SlicePort): "http" | "https" | undefined {
  switch (appProtocol?.toLowerCase() ?? "") {
    case "https":
    case "kubernetes.io/wss":
      return "https";
    case "http":
    case "kubernetes.io/h2c":
    case "kubernetes.io/ws":
      return "http";
    default:
      return name === "https" || name.startsWith("https-") ? "https" : undefined;
  }
}

function missing(known: readonly string[], wanted: string | number | undefined): SourceError {
  const has = `its slices have the ports ${known.map((name) => name || "(no name)").join(", ")}`;
  if (wanted === undefined) return new SourceError("config", `${has}; say which one with the option port`);
  return new SourceError("config", `no port ${wanted}; ${has}`);
}
