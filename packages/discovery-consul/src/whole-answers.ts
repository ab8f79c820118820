import { hash } from "node:crypto";

import type { Clock } from "@proxyless/core";
import type { RegistryResponse } from "@proxyless/core/discovery";

import type { Answer, Answers } from "./answers.ts";
import type { ConsulHttp, ConsulRequest } from "./consul-http.ts";

/** Answers that are read when they are there, each as a whole. */
export class WholeAnswers implements Answers {
  readonly #read: (response: RegistryResponse) => Answer;
  #response: RegistryResponse = { status: 0, headers: {}, body: "", pieces: [] };
  #digest = "";
  #kept = "";

  constructor(read: (response: RegistryResponse) => Answer) {
    this.#read = read;
  }

  async fetch(
    http: ConsulHttp,
    request: ConsulRequest,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    this.#response = await http.send(request, clock, signal);
    this.#digest = hash("sha256", `${this.#response.status} ${this.#response.body}`);
    return this.#response;
  }

  get bytes(): number {
    return this.#response.body.length;
  }

  get isRepeated(): boolean {
    return this.#digest === this.#kept;
  }

  read(): Answer {
    return this.#read(this.#response);
  }

  keep(): void {
    this.#kept = this.#digest;
  }
}
