import type { Balancer } from "../balancers/picker.ts";
import { configError, ProxylessError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import { checkObject, fieldPath } from "../option-checks.ts";
import { plainText } from "../plain-text.ts";
import type { Caller } from "../policies/balancing-policy.ts";
import { isPlainObject } from "../policies/data/layers.ts";
import { layService } from "../policies/data/policy-layers.ts";
import type { LaidService } from "../policies/data/policy-layers.ts";
import { viewPolicy } from "../policies/data/policy-view.ts";
import type { PolicyView } from "../policies/data/policy-view.ts";
import type { ResolvedPolicy, ServicePolicy } from "../policies/policy.ts";
import { resolvePolicy, servicePolicyKeys } from "../policies/resolve-policy.ts";

/** Policies of services as a document: JSON that comes from a file or a registry. */
export interface PolicyDocument {
  /** Tells documents apart; 1 to 256 characters. */
  readonly version: string;
  /** What is laid over the policies that were given in code, by service. Of others the code's hold. */
  readonly services: Readonly<Record<string, ServicePolicy>>;
}

type Given = Readonly<Record<string, unknown>>;

/** What a service's options say in code, and where they stand. */
export interface CodePolicy {
  readonly given: Given;
  /** Path of the options in error messages; empty for none. */
  readonly prefix: string;
}

/** What the book needs of a service in use. */
interface Running {
  readonly policy: ResolvedPolicy;
  swap(policy: ResolvedPolicy): void;
}

interface CheckedDocument {
  readonly version: string;
  readonly services: ReadonlyMap<string, Given>;
}

interface Origin {
  readonly laid: LaidService;
  readonly version: string | undefined;
}

/** The policies that are in force: what was given in code, and the document that is laid over it. */
export class PolicyBook {
  readonly #caller: Caller;
  readonly #events: EventHub;
  #document: CheckedDocument | undefined;
  /** What each policy was made of; it goes when the policy does. */
  readonly #origins = new WeakMap<ResolvedPolicy, Origin>();

  constructor(caller: Caller, events: EventHub) {
    this.#caller = caller;
    this.#events = events;
  }

  /**
   * The policy of a service.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
   */
  policyOf(service: string, code: CodePolicy): ResolvedPolicy {
    return this.#resolve(service, code, this.#document);
  }

  /**
   * What a policy would be, were it in a document.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
   */
  supposed(service: string, code: CodePolicy, policy: unknown): ResolvedPolicy {
    const given = checkObject(policy, "policy", servicePolicyKeys);
    return this.#resolve(
      service,
      code,
      { version: "supposed", services: new Map([[service, given]]) },
      "policy",
    );
  }

  /** What is in force, and where each value comes from. */
  viewOf(policy: ResolvedPolicy): PolicyView | undefined {
    const origin = this.#origins.get(policy);
    return origin === undefined ? undefined : viewPolicy(policy, origin.laid, origin.version);
  }

  /**
   * Puts a document in force: all of it, or nothing. Services that the document before named and this one does not go back to what
   * was given in code.
   * @param codeOf what was given in code; throws for what cannot be the name of a service
   * @param running the services in use
   * @returns the services whose policy was put in force; none where this version is in force already
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when something is wrong with it
   */
  configure(
    input: unknown,
    codeOf: (service: string) => CodePolicy,
    running: (service: string) => Running | undefined,
  ): readonly string[] {
    let service: string | undefined;
    try {
      const document = checkDocument(input);
      if (document.version === this.#document?.version) return [];
      const names = new Set([...(this.#document?.services.keys() ?? []), ...document.services.keys()]);
      const policies = Array.from(names, (name) => {
        service = name;
        const before = running(name);
        return {
          name,
          before,
          policy: this.#resolve(name, codeOf(name), document, undefined, before?.policy),
        };
      });
      this.#document = document;
      for (const { before, name, policy } of policies) {
        before?.swap(policy);
        this.#applied(name, document.version);
      }
      return [...names];
    } catch (error) {
      this.#refused(input, service, error);
      throw error;
    }
  }

  #resolve(
    service: string,
    { given, prefix }: CodePolicy,
    document: CheckedDocument | undefined,
    path = fieldPath("services", service),
    before?: ResolvedPolicy,
  ): ResolvedPolicy {
    const own = document?.services.get(service);
    const swap =
      own === undefined || document === undefined ? undefined : { version: document.version, given: own };
    const at = swap === undefined ? prefix : path;
    const laid = layService(given, at, swap);
    const known = before === undefined ? undefined : this.#origins.get(before);
    const input =
      known === undefined || before === undefined
        ? laid.given
        : withKnownBalancers(laid.given, before, known.laid);
    const policy = resolvePolicy(input, at, this.#caller, service, swap?.given);
    this.#origins.set(policy, { laid, version: swap?.version });
    return policy;
  }

  #applied(service: string, version: string): void {
    if (this.#events.wants("policy.applied")) this.#events.emit({ type: "policy.applied", service, version });
  }

  #refused(input: unknown, service: string | undefined, error: unknown): void {
    if (!this.#events.wants("policy.refused")) return;
    const version =
      isPlainObject(input) && typeof input["version"] === "string" ? input["version"] : undefined;
    const field = error instanceof ProxylessError ? error.field : undefined;
    const reason = plainText(error instanceof Error ? error.message : String(error));
    this.#events.emit({ type: "policy.refused", service, version, field, reason });
  }
}

function checkDocument(input: unknown): CheckedDocument {
  if (input === undefined) throw configError("document", "an object with a version and services", input);
  const given = checkObject(input, "", ["$schema", "version", "services"]);
  const { services, version } = given;
  if (typeof version !== "string" || version === "" || version.length > 256) {
    throw configError("version", "a string of 1 to 256 characters", version);
  }
  if (!isPlainObject(services))
    throw configError("services", "an object of policies by service name", services);
  const policies = Object.entries(services).map(([name, policy]): [string, Given] => {
    const path = fieldPath("services", name.slice(0, 60));
    // What is undefined is no policy, and must not pass for an empty one.
    return [name, checkObject(policy ?? null, path, servicePolicyKeys)];
  });
  return { version, services: new Map(policies) };
}

/** A balancer that is described in the same words is the same, with everything that its pickers have learnt. */
function withKnownBalancers(given: Given, before: ResolvedPolicy, laid: LaidService): Given {
  const known = new Map<string, Balancer>();
  const note = (from: Given | undefined, balancer: Balancer): void => {
    const key = keyOf(from?.["balancer"]);
    if (key !== undefined) known.set(key, balancer);
  };
  note(laid.given, before.balancing.balancer);
  for (const [index, route] of before.routes.entries())
    note(laid.routes[index]?.given, route.balancing.balancer);
  const renewed = (part: unknown): unknown => {
    if (!isPlainObject(part)) return part;
    const balancer = known.get(keyOf(part["balancer"]) ?? "");
    return balancer === undefined ? part : { ...part, balancer };
  };
  const { routes } = given;
  const own = Array.isArray(routes) ? { ...given, routes: routes.map(renewed) } : given;
  const result = renewed(own);
  return isPlainObject(result) ? result : given;
}

function keyOf(balancer: unknown): string | undefined {
  const isData = typeof balancer === "string" || isPlainObject(balancer);
  return isData ? JSON.stringify(balancer) : undefined;
}
