import type { ConsulMode, Settings } from "./options.ts";

/** One question about a service. */
export interface HealthQuery {
  readonly service: string;
  readonly mode: ConsulMode;
  /** Wait for something newer than this; answer at once when absent. */
  readonly index?: string | undefined;
}

/**
 * Path and query of a health lookup. It never asks for `passing` only: a service with nothing healthy and a service
 * that does not exist must look different.
 */
export function healthPath(settings: Settings, query: HealthQuery): string {
  const { connection, datacenter, filter, tags, waitMs } = settings;
  const parameters: string[] = [];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) parameters.push(`${name}=${encodeURIComponent(value)}`);
  };
  add("dc", datacenter);
  add("ns", connection.namespace);
  add("partition", connection.partition);
  add("filter", filter);
  for (const tag of tags) add("tag", tag);
  if (query.mode !== "default") parameters.push(query.mode);
  if (query.index !== undefined) {
    add("index", query.index);
    add("wait", `${waitMs}ms`);
  }
  const path = `/v1/health/service/${encodeURIComponent(query.service)}`;
  return parameters.length === 0 ? path : `${path}?${parameters.join("&")}`;
}

/** How long a blocking query may take: Consul adds up to a sixteenth of the wait, and the answer has to travel. */
export function blockingDeadlineMs(waitMs: number): number {
  return (waitMs * 17) / 16 + 10_000;
}
