import type { Answers } from "./answers.ts";
import type { ConsulMode } from "./watch-options.ts";

/** How one question is to be answered. */
export interface Asking {
  readonly mode: ConsulMode;
  /** Wait for something newer than this; answer at once when absent. */
  readonly index: string | undefined;
}

/** What a watch asks Consul again and again, and what the answers mean. */
export interface Question {
  /** For errors: `service web`. */
  readonly subject: string;
  /** What a token needs to see the answer, for errors. */
  readonly rights: string;
  /** Status 404 is an answer too: there is nothing. */
  readonly is404Answer: boolean;
  /** It cannot wait for a change, and is asked so often, in milliseconds. */
  readonly pollMs?: number;
  path(asking: Asking): string;
  /** What a watch asks with, and remembers the answers in. */
  answers(): Answers;
  /**
   * What must be readable for an empty answer to mean that nothing is there, as the body of
   * `POST /v1/internal/acl/authorize`; `nodes` are those of the last answer that had some.
   */
  access(nodes: readonly string[]): string;
}

/** A path with its parameters; those without a value are left out, and `true` is one that needs none. */
export function pathOf(
  path: string,
  parameters: readonly (readonly [name: string, value: string | true | undefined])[],
): string {
  const written: string[] = [];
  for (const [name, value] of parameters) {
    if (value === true) written.push(name);
    else if (value !== undefined) written.push(`${name}=${encodeURIComponent(value)}`);
  }
  return written.length === 0 ? path : `${path}?${written.join("&")}`;
}

/** The parameters that say how to answer. */
export function askingParameters(
  { mode, index }: Asking,
  waitMs: number,
): readonly (readonly [string, string | true | undefined])[] {
  return [
    [mode, mode === "default" ? undefined : true],
    ["index", index],
    ["wait", index === undefined ? undefined : `${waitMs}ms`],
  ];
}

/** A right to ask for. */
export function mayRead(resource: string, name: string, access = "read"): object {
  return { Resource: resource, Access: access, Segment: name };
}
