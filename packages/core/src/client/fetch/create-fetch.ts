import type { DoorContext } from "../door.ts";
import { FetchCall } from "./fetch-call.ts";
import type { MeshFetch } from "./fetch-init.ts";
import { planRequest } from "./request-plan.ts";
import type { RequestPlan } from "./request-plan.ts";

// Taken now: an application may later put the mesh's own fetch in its place.
const localFetch = globalThis.fetch;

/**
 * Makes a `fetch` whose requests to known services are governed. It behaves as WHATWG says, with these decisions:
 *
 * - Network trouble rejects with a {@link ProxylessError}; so do malformed URLs and headers, bodies of no usable kind
 *   (`ERR_PROXYLESS_REQUEST`) and hosts that are neither service nor allowed (`ERR_PROXYLESS_UNKNOWN_SERVICE`). Other
 *   misuse is a `TypeError`, an aborted signal rejects with its reason. Hosts outside the mesh fail as with Node's
 *   fetch: `TypeError: fetch failed`, with a cause.
 * - Sent by default: `accept: *\/*`, `accept-encoding: gzip, deflate` (and `br` for `https:`), `user-agent: proxyless`.
 *   Codings gzip, deflate, br and (Node 22.15 and later) zstd are undone.
 * - `connection`, `expect`, `host`, `keep-alive`, `proxy-connection`, `transfer-encoding` and `upgrade` are left out,
 *   as browsers do; `content-length` counts for streams only.
 * - Strings, bytes, forms, blobs and the small bodies of `Request` objects can be retried; streams are sent once.
 * - A redirect to another origin leaves credentials behind and is followed only to a known service or where the
 *   outside is allowed. `redirect: "manual"` gives the 3xx itself, as in Node.
 * - `credentials`, `mode`, `cache`, `referrer`, `keepalive` and `priority` mean nothing here and are ignored;
 *   `integrity` is refused, and so is `dispatcher` for a service.
 * - An unread body keeps its connection only above 64 KiB or while it is being sent, until the response is collected.
 */
export function createFetch(context: DoorContext): MeshFetch {
  return (input, init) => {
    let plan: RequestPlan | null | Promise<RequestPlan>;
    try {
      plan = planRequest(input, init);
    } catch (error) {
      // eslint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it came
      return Promise.reject(error);
    }
    if (plan === null) return localFetch(input, init);
    if (plan instanceof Promise) return plan.then((ready) => run(context, ready));
    return run(context, plan);
  };
}

function run(context: DoorContext, plan: RequestPlan): Promise<Response> {
  return new Promise((resolve, reject) => {
    new FetchCall(context, plan, resolve, reject).start();
  });
}
