/** A request that is not as the protocol's documentation says, with the `code` that Nacos gives it. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, message: string, code = 10_000) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
