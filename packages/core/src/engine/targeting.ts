import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { PickFlag } from "../events.ts";
import { overrideAddresses, withoutOverride } from "../routing/override-host.ts";
import type { ResolvedOverrideHost } from "../routing/override-host.ts";
import { isInSession, sessionAddress, sessionCookie } from "../routing/stateful-session.ts";
import type { ResolvedStatefulSession } from "../routing/stateful-session.ts";
import type { ResponseHeaders } from "../transport/response.ts";
import type { CallRequest } from "./request.ts";

/** Endpoints that a call is to go to rather than to the balancer's choice. */
export interface Wanted {
  /** `host:port`, best first. */
  readonly addresses: readonly string[];
  readonly flag: PickFlag;
  /** It is where a session is: what only keeps new requests away does not matter. */
  readonly isSession: boolean;
  /** No other will do. */
  readonly strict: boolean;
}

/** What a service lets requests say of where they go: a session's cookie, a header that names endpoints. */
export class Targeting {
  readonly #session: ResolvedStatefulSession | undefined;
  readonly #override: ResolvedOverrideHost | undefined;

  constructor(session: ResolvedStatefulSession | undefined, override: ResolvedOverrideHost | undefined) {
    this.#session = session;
    this.#override = override;
  }

  /** Where a request is to go; undefined where that is up to the balancer. The more explicit wish comes first. */
  wantedBy(request: CallRequest): Wanted | undefined {
    const { endpoint, headers, path } = request;
    if (endpoint !== undefined) return asked(typeof endpoint === "string" ? [endpoint] : endpoint);
    if (this.#override !== undefined) {
      const addresses = overrideAddresses(this.#override, headers);
      if (addresses.length > 0) return asked(addresses);
    }
    const session = this.#session;
    if (session === undefined || !isInSession(session, path)) return undefined;
    const address = sessionAddress(session, headers);
    if (address === undefined) return undefined;
    return { addresses: [address], flag: "SS", isSession: true, strict: session.strict };
  }

  /** The headers as they are sent on: what names endpoints is meant for the mesh alone. */
  sent(headers: readonly string[]): readonly string[] {
    return this.#override === undefined ? headers : withoutOverride(this.#override, headers);
  }

  /** The headers of an answer, with a cookie for the session of its endpoint where the request had none, or another's. */
  answered(request: CallRequest, endpoint: EndpointState, headers: ResponseHeaders): ResponseHeaders {
    const session = this.#session;
    if (session === undefined || !isInSession(session, request.path)) return headers;
    if (sessionAddress(session, request.headers) === endpoint.address) return headers;
    const given = headers["set-cookie"] ?? [];
    const cookies = [
      ...(typeof given === "string" ? [given] : given),
      sessionCookie(session, endpoint.address),
    ];
    return { ...headers, "set-cookie": cookies };
  }
}

function asked(addresses: readonly string[]): Wanted {
  return { addresses, flag: "OH", isSession: false, strict: false };
}
