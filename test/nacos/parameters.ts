import { Refusal } from "./refusal.ts";

/** The parameters of a request, each taken out by name; what is left over is not as documented. */
export class Parameters {
  readonly #left: URLSearchParams;

  constructor(given: URLSearchParams) {
    this.#left = new URLSearchParams(given);
    for (const name of new Set(given.keys())) {
      if (given.getAll(name).length > 1) throw new Refusal(400, `${name} twice`);
    }
    // Who asks is looked at elsewhere.
    for (const name of ["accessToken", "username", "password"]) this.#left.delete(name);
  }

  optional(name: string): string | undefined {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value === null || value === "" ? undefined : value;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new Refusal(400, `Required parameter '${name}' is not present`);
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.optional(name) ?? String(fallback);
    if (value !== "true" && value !== "false") throw new Refusal(400, `${name} is ${value}`, 20_002);
    return value === "true";
  }

  number(name: string, min: number, max: number, fallback?: number): number {
    const text = fallback === undefined ? this.required(name) : (this.optional(name) ?? String(fallback));
    const value = Number(text);
    if (!/^[\d.]+$/.test(text) || !(value >= min && value <= max)) {
      throw new Refusal(400, `${name} is ${text}`, name === "weight" ? 21_001 : 20_002);
    }
    return value;
  }

  port(): number {
    const port = this.number("port", 0, 65_535);
    if (!Number.isInteger(port)) throw new Refusal(400, `port is ${port}`, 20_002);
    return port;
  }

  cluster(): string {
    const name = this.optional("clusterName") ?? "DEFAULT";
    if (!/^[0-9A-Za-z-]+$/.test(name)) throw new Refusal(400, `cluster ${name}`, 20_002);
    return name;
  }

  metadata(): Readonly<Record<string, string>> {
    const text = this.optional("metadata");
    if (text === undefined) return {};
    try {
      const found: Record<string, string> = {};
      const given: Record<string, unknown> = JSON.parse(text);
      for (const [key, value] of Object.entries(given)) {
        if (typeof value !== "string") throw new Refusal(400, `metadata.${key} is no text`, 21_002);
        found[key] = value;
      }
      return found;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      return Object.fromEntries(text.split(",").map((pair) => pair.split("=", 2)));
    }
  }

  end(): void {
    const names = [...this.#left.keys()];
    if (names.length > 0) throw new Refusal(400, `unknown parameters: ${names.join(", ")}`);
  }
}
