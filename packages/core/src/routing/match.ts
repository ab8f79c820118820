import type { ResolvedMatch } from "../policies/policy.ts";

/** Which of a list of routes a request belongs to. */
export interface RouteMatcher {
  /**
   * The index of the first route that matches, or −1.
   *
   * With a `template` the template itself is matched, not the path made from it: `{…}` in it fits `{…}` in a route
   * whatever the names, and never a literal. So all calls of one operation share one route.
   * @param method upper case
   * @param path with or without a query
   * @param template the path template (`/orders/{id}`), when known
   */
  match(method: string, path: string, template?: string): number;
}

const slashCode = 0x2f;

/** Templates come from code, so there are few; a caller that makes them up at run time must not fill the memory. */
const maxCached = 1_000;

/**
 * Prepares routes for matching. The first of the list that matches wins, as in Envoy, so the order says which is
 * more specific. A match costs at most one pass over the path per route, and one look-up for a known template.
 */
export function compileRoutes(matches: readonly ResolvedMatch[]): RouteMatcher {
  return new FirstMatch(matches.map(compile));
}

/** A route's path in pieces: a string for a literal segment, `null` for a parameter. */
interface CompiledRoute {
  readonly methods: readonly string[] | undefined;
  readonly segments: readonly (string | null)[];
  /** Ended in `/*`. */
  readonly anyRest: boolean;
}

class FirstMatch implements RouteMatcher {
  readonly #routes: readonly CompiledRoute[];
  readonly #byMethod = new Map<string, Map<string, number>>();
  #cached = 0;

  constructor(routes: readonly CompiledRoute[]) {
    this.#routes = routes;
  }

  match(method: string, path: string, template?: string): number {
    if (template === undefined) return this.#find(method, path);
    let known = this.#byMethod.get(method);
    let index = known?.get(template);
    if (index !== undefined) return index;
    index = this.#find(method, template);
    if (this.#cached < maxCached) {
      if (known === undefined) this.#byMethod.set(method, (known = new Map()));
      known.set(template, index);
      this.#cached++;
    }
    return index;
  }

  #find(method: string, path: string): number {
    const query = path.indexOf("?");
    const end = query === -1 ? path.length : query;
    return this.#routes.findIndex(
      (route) =>
        (route.methods === undefined || route.methods.includes(method)) && matchesPath(route, path, end),
    );
  }
}

function compile({ methods, path }: ResolvedMatch): CompiledRoute {
  const anyRest = path.endsWith("/*");
  const parts = (anyRest ? path.slice(0, -2) : path).split("/").slice(1);
  return { methods, segments: parts.map((part) => (part.startsWith("{") ? null : part)), anyRest };
}

/**
 * Walks the path segment by segment, without cutting it up. A template needs nothing special: no literal of a route
 * can equal a segment in braces.
 */
function matchesPath({ anyRest, segments }: CompiledRoute, path: string, end: number): boolean {
  let at = 0;
  for (const segment of segments) {
    if (at >= end || path.charCodeAt(at) !== slashCode) return false;
    const from = at + 1;
    const slash = path.indexOf("/", from);
    at = slash === -1 || slash > end ? end : slash;
    if (segment === null) {
      if (at === from) return false;
    } else if (at - from !== segment.length || !path.startsWith(segment, from)) {
      return false;
    }
  }
  return anyRest || at === end;
}
