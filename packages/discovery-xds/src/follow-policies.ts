import { hash } from "node:crypto";

import { ProxylessError } from "@proxyless/core";
import type { Mesh, PolicyDocument, ServicePolicy } from "@proxyless/core";

import type { XdsClusterPolicy } from "./cluster-policies.ts";
import { layBelow } from "./policy-layering.ts";
import type { XdsSource } from "./source.ts";

export interface FollowXdsOptions {
  /** Hears of a cluster's policy that the mesh refused; the service then keeps what it would have without a control plane. */
  readonly onRefused?: (policy: XdsClusterPolicy, error: unknown) => void;
}

/** Policies of a control plane in force. */
export interface FollowedPolicies {
  /**
   * As `mesh.configure`, which must not be called beside this: puts a document of your own in force, laid over what the
   * control plane says. Returns the services whose policy was put in force.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when something is wrong with it; what was in force stays
   */
  configure(document: PolicyDocument): readonly string[];
  /** Listens no longer and takes the control plane's policies out of force; your own document stays. */
  stop(): void;
}

/**
 * Puts the policies of a control plane in force, and each change of them: as a document under everything of yours. A field
 * that was given in code, by a preset or with {@link FollowedPolicies.configure} stands; the control plane's fill in the
 * others, field by field.
 */
export function followXdsPolicies(
  mesh: Pick<Mesh, "configure" | "inspect">,
  source: Pick<XdsSource, "onClusterPolicy">,
  options: FollowXdsOptions = {},
): FollowedPolicies {
  const follower = new Follower(mesh, options);
  const end = source.onClusterPolicy((policy) => {
    follower.take(policy);
  });
  return {
    configure: (document) => follower.configure(document),
    stop: () => {
      end();
      follower.stop();
    },
  };
}

const nothingOwn: PolicyDocument = Object.freeze({ version: "", services: Object.freeze({}) });
/** What a version may have besides the digest: 256 characters are allowed. */
const maxOwnVersion = 230;

class Follower {
  readonly #mesh: Pick<Mesh, "configure" | "inspect">;
  readonly #options: FollowXdsOptions;
  readonly #clusters = new Map<string, XdsClusterPolicy>();
  /** By service; refused until the control plane says something else. */
  readonly #refused = new Map<string, XdsClusterPolicy>();
  #own = nothingOwn;
  #isPlanned = false;
  #isStopped = false;

  constructor(mesh: Pick<Mesh, "configure" | "inspect">, options: FollowXdsOptions) {
    this.#mesh = mesh;
    this.#options = options;
  }

  /** A response brings many clusters: they go in force together. */
  take(policy: XdsClusterPolicy): void {
    this.#clusters.set(policy.service, policy);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      if (!this.#isStopped) this.#apply(this.#own);
    });
  }

  configure(document: PolicyDocument): readonly string[] {
    const services = this.#apply(document);
    this.#own = document;
    return services;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#clusters.size === 0) return;
    this.#clusters.clear();
    this.#apply(this.#own);
  }

  #apply(own: PolicyDocument): readonly string[] {
    for (;;) {
      const document = this.#compose(own);
      try {
        return this.#mesh.configure(document);
      } catch (error) {
        const service = this.#culprit(error);
        const policy = service === undefined ? undefined : this.#clusters.get(service);
        // Nothing of the control plane's is in it: it is the document.
        if (service === undefined || policy === undefined || this.#refused.get(service) === policy) {
          throw error;
        }
        this.#refused.set(service, policy);
        this.#options.onRefused?.(policy, error);
      }
    }
  }

  #compose(own: PolicyDocument): PolicyDocument {
    const views = new Map(this.#mesh.inspect().services.map((view) => [view.service, view.policy]));
    const services: Record<string, ServicePolicy> = { ...own.services };
    for (const [service, cluster] of this.#clusters) {
      if (this.#refused.get(service) === cluster) continue;
      const laid = layBelow(cluster.policy, own.services[service], views.get(service));
      if (Object.keys(laid).length > 0) services[service] = laid;
    }
    const digest = hash("sha256", JSON.stringify(services)).slice(0, 16);
    const version =
      own.version === "" ? `xds-${digest}` : `${own.version.slice(0, maxOwnVersion)} xds-${digest}`;
    return { ...own, version, services };
  }

  /** The service whose policy is at fault. */
  #culprit(error: unknown): string | undefined {
    const field = error instanceof ProxylessError ? error.field : undefined;
    if (field === undefined) return undefined;
    return [...this.#clusters.keys()]
      .filter(
        (service) => field.startsWith(`services.${service}`) || field.startsWith(`services["${service}`),
      )
      .toSorted((a, b) => b.length - a.length)[0];
  }
}
