import { ProxylessError, show } from "../../errors.ts";
import type { DoorContext } from "../door.ts";
import { withoutHeaders } from "./request-headers.ts";
import type { RequestPlan } from "./request-plan.ts";
import { parseTarget } from "./request-url.ts";
import type { TargetUrl } from "./request-url.ts";

const maxRedirects = 20;

const bodyHeaders = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
]);
const secretHeaders = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Whether a status asks to go elsewhere. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The request that a redirect leads to, by WHATWG's rules. A redirect to another origin leaves credentials behind,
 * and goes only where the mesh would go for the user too: to a known service, or outside if that is allowed.
 * @param service the service that answered, for the error
 * @throws ProxylessError when redirects are refused (`redirect: "error"`), are more than 20, lead to something that is
 * no URL or not allowed, or would need a body a second time that can be sent only once
 */
export function redirectPlan(
  plan: RequestPlan,
  status: number,
  location: string,
  service: string | undefined,
  context: DoorContext,
): RequestPlan {
  const answered = `${service ?? plan.url.origin} answered ${status}`;
  const refuse = (message: string, cause?: unknown): ProxylessError =>
    new ProxylessError("ERR_PROXYLESS_PROTOCOL", `${answered}, ${message}`, { service, cause });
  if (plan.redirect === "error") throw refuse('but redirects are refused by redirect: "error"');
  if (plan.redirects >= maxRedirects) throw refuse(`after ${maxRedirects} redirects`);

  const url = locate(plan, location, refuse);
  if (url.origin !== plan.url.origin) {
    const decision = context.decide(url.protocol, url.host);
    if (decision.kind === "refused") {
      const { error } = decision;
      throw new ProxylessError(error.code, `${answered}, a redirect to ${url.origin}: ${error.message}`, {
        service,
        flag: error.flag,
        cause: error,
      });
    }
  }

  const { method } = plan;
  const toGet =
    ((status === 301 || status === 302) && method === "POST") ||
    (status === 303 && method !== "GET" && method !== "HEAD");
  if (plan.oneShot && status !== 303) {
    throw refuse("a redirect, but the body is a stream and was sent already");
  }
  let { headers } = plan;
  if (toGet) headers = withoutHeaders(headers, bodyHeaders);
  if (url.origin !== plan.url.origin) headers = withoutHeaders(headers, secretHeaders);
  return {
    ...plan,
    url,
    headers,
    redirects: plan.redirects + 1,
    ...(toGet ? { method: "GET", body: null, oneShot: false, discardBody: undefined } : {}),
  };
}

function locate(
  plan: RequestPlan,
  location: string,
  refuse: (message: string, cause?: unknown) => ProxylessError,
): TargetUrl {
  let target: TargetUrl | null;
  try {
    // Servers write raw UTF-8 into the header, which arrives as Latin-1.
    const text = Buffer.from(location, "latin1").toString("utf8");
    const url = URL.parse(text, plan.url.origin + plan.url.path);
    // The native error would quote the whole location, which is often full of secrets.
    if (url === null) throw new TypeError("Invalid URL");
    target = parseTarget(url.href);
  } catch (cause) {
    throw refuse("a redirect to something that is no usable URL", cause);
  }
  if (target === null) throw refuse(`a redirect to ${show(location.slice(0, location.indexOf(":") + 1))}`);
  return target;
}
