import type { RouteDecision } from "../engine/request.ts";
import { ProxylessError } from "../errors.ts";

/** What deciding about a URL needs to know. */
export interface HostRules {
  readonly external: "refuse" | "allow";
  /** The service declared (in the options or by `mesh.service`) under a host name, whatever its case. */
  declared(host: string): string | undefined;
  /** The scheme that a service is called with. */
  schemeOf(name: string): "http" | "https";
  /** Whether there is no room for another name that nobody declared: each costs a watch. */
  isFull(name: string): boolean;
  /** Whether discovery has a name that nobody declared; undefined while it has not answered. */
  known(name: string): boolean | undefined;
  /**
   * The same, with patience: for `timeoutMs`, or else the service's total time.
   * @throws ProxylessError when discovery does not answer in time or cannot tell; the reason of `signal` when it aborts
   */
  lookUp(name: string, timeoutMs: number | undefined, signal: AbortSignal): Promise<boolean>;
}

const external: RouteDecision = { kind: "external" };
const port = /:\d{1,5}$/;
const singleLabel = /^[A-Za-z0-9_-]+$/;

/**
 * Tells services from the rest of the world. A declared name is a service; so is any other name without a dot, if
 * discovery knows it; `localhost`, IP addresses and names with dots are not. A port in the URL means nothing to a
 * service: discovery knows the ports.
 */
export function createHostDecision(rules: HostRules): (protocol: string, host: string) => RouteDecision {
  const service = (protocol: string, name: string): RouteDecision =>
    protocol === "https:" && rules.schemeOf(name) === "http"
      ? refuseDowngrade(name)
      : { kind: "service", service: name };
  return (protocol, host) => {
    const name = port.test(host) ? host.replace(port, "") : host;
    const declared = rules.declared(name);
    if (declared !== undefined) return service(protocol, declared);
    if (name === "localhost" || !singleLabel.test(name)) {
      return rules.external === "allow" ? external : refuseUnknown(host);
    }
    if (rules.isFull(name)) return refuseAnother(host);
    // Without external calls there is nothing to decide: a name that discovery does not have ends as an error.
    const known = rules.external === "refuse" ? true : rules.known(name);
    if (known !== undefined) return known ? service(protocol, name) : external;
    return {
      kind: "later",
      decide: async (timeoutMs, signal) =>
        (await rules.lookUp(name, timeoutMs, signal)) ? service(protocol, name) : external,
    };
  };
}

function refuseAnother(host: string): RouteDecision {
  const message = `${host} was not looked up: too many names that nobody declared are in use; declare those that are services`;
  return {
    kind: "refused",
    error: new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", message, { service: host, flag: "NR" }),
  };
}

function refuseUnknown(host: string): RouteDecision {
  const message = `${host} is no known service; declare it, or set external: "allow" to send such requests out as they are`;
  return {
    kind: "refused",
    error: new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", message, { service: host, flag: "NR" }),
  };
}

function refuseDowngrade(name: string): RouteDecision {
  const message = `the URL asks for https, but ${name} is called over http; set its transport.scheme or transport.tls`;
  return {
    kind: "refused",
    error: new ProxylessError("ERR_PROXYLESS_REQUEST", message, { service: name, flag: "LR" }),
  };
}
