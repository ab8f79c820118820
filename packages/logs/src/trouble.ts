import { plainText } from "@proxyless/core";

/** What goes wrong with a log must not go wrong with the calls: it is counted, and said once as a warning of the process. */
export class Trouble {
  readonly #what: string;
  #count = 0;

  /** @param what the thing in trouble, as the warning names it */
  constructor(what: string) {
    this.#what = what;
  }

  /** How often something went wrong. */
  get count(): number {
    return this.#count;
  }

  /** Does something that may fail, now or later. */
  guard(action: () => unknown): void {
    try {
      const result = action();
      if (result instanceof Promise) {
        result.catch((error: unknown) => {
          this.failed(error);
        });
      }
    } catch (error) {
      this.failed(error);
    }
  }

  failed(error: unknown): void {
    if (this.#count++ > 0) return;
    const text = plainText(error instanceof Error ? error.message : String(error));
    process.emitWarning(`${this.#what} failed: ${text}; from now on its failures are only counted`, {
      type: "ProxylessWarning",
      code: "PROXYLESS_LOG",
    });
  }
}
