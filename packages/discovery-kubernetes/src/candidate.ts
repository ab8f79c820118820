import type { Endpoint } from "@proxyless/core";

import type { OwnPlace } from "./hints.ts";
import { labelled } from "./labelled.ts";
import type { Labels } from "./labelled.ts";
import type { ChosenPort } from "./port-choice.ts";
import type { SlicePart } from "./slice-part.ts";
import type { SliceEndpoint } from "./slice.ts";

/** An endpoint of a slice that may be listed, unless another one with its id is better. */
export class Candidate {
  readonly id: string;
  readonly endpoint: SliceEndpoint;
  readonly part: SlicePart;
  readonly #port: ChosenPort;
  #labels: Labels | undefined;
  #made: Endpoint | undefined;

  constructor(endpoint: SliceEndpoint, port: ChosenPort, part: SlicePart) {
    this.id = endpoint.identity ?? addressOf(endpoint, port);
    this.endpoint = endpoint;
    this.part = part;
    this.#port = port;
  }

  /** As the directory wants it; the same object as long as nothing about it changes. */
  listed(own: OwnPlace, labels: Labels): Endpoint {
    if (this.#made === undefined || this.#labels !== labels) {
      this.#made = labelled(this.id, this.endpoint, this.#port, own, labels);
      this.#labels = labels;
    }
    return this.#made;
  }
}

function addressOf({ address, family }: SliceEndpoint, { port }: ChosenPort): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
