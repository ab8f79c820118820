import type { CodePolicy, PolicyBook } from "./engine/policy-book.ts";
import { configError } from "./errors.ts";
import { resolveService, serviceName } from "./mesh-options.ts";
import type { ServiceOptions } from "./mesh-options.ts";
import type { Caller } from "./policies/balancing-policy.ts";
import { resolveTransport } from "./transport/transport-options.ts";
import type { ResolvedTransport } from "./transport/transport-options.ts";

interface Declared {
  readonly options: ServiceOptions;
  /** Its policy as it was given. */
  readonly code: CodePolicy;
  readonly transport: ResolvedTransport;
}

const undeclaredCode: CodePolicy = { given: {}, prefix: "" };

/** Whose services were given options, and which. */
export class Declarations {
  readonly #caller: Caller;
  readonly #book: PolicyBook;
  readonly #declared = new Map<string, Declared>();
  /** Declared names by the lower case that URLs have. */
  readonly #hosts = new Map<string, string>();

  constructor(caller: Caller, book: PolicyBook) {
    this.#caller = caller;
    this.#book = book;
  }

  has(service: string): boolean {
    return this.#declared.has(service);
  }

  /**
   * @param prefix where the options stand, for errors; empty for those of `mesh.service`
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for bad options, and for a service that has some
   */
  add(name: string, options: ServiceOptions, prefix: string): void {
    const before = this.#declared.get(serviceName(name));
    if (before !== undefined && Object.keys(before.options).length > 0) {
      throw configError(
        prefix === "" ? "options" : prefix,
        `given once, and ${name} has options already`,
        options,
      );
    }
    // Checked now, not on the first call: bad options must show at start.
    const { transport } = resolveService(name, options, prefix, this.#caller);
    const { transport: _, ...given } = options;
    const code = { given, prefix };
    // What a document that came earlier lays over it must fit as well.
    this.#book.policyOf(name, code);
    this.#declared.set(name, { options, code, transport });
    this.#hosts.set(name.toLowerCase(), name);
  }

  /** Its policy as it was given. */
  codeOf(service: string): CodePolicy {
    return this.#declared.get(service)?.code ?? undeclaredCode;
  }

  transportOf(service: string): ResolvedTransport {
    return this.#declared.get(service)?.transport ?? resolveTransport(undefined, service, "transport");
  }

  /** The declared service that a host of a URL means. */
  named(host: string): string | undefined {
    return this.#hosts.get(host) ?? this.#hosts.get(host.toLowerCase());
  }
}
