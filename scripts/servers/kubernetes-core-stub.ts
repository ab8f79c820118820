import type { IncomingMessage, ServerResponse } from "node:http";

import { kubeTokens } from "./kubernetes-config.ts";

/**
 * The part of a cluster's core that a server for custom resources asks: whose token it is, and what its owner may do.
 * Everything else is an empty list, and nothing ever changes.
 */
export function coreStub(request: IncomingMessage, response: ServerResponse): void {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    text += chunk;
  });
  request.on("end", () => {
    const url = new URL(request.url ?? "/", "http://core");
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (url.pathname.endsWith("/tokenreviews")) {
      const review: { spec?: { token?: string } } = JSON.parse(text);
      answer(201, { ...review, status: whose(review.spec?.token) });
    } else if (url.pathname.endsWith("/subjectaccessreviews")) {
      const review: Review = JSON.parse(text);
      answer(201, { ...review, status: { allowed: mayDo(review.spec ?? {}) } });
    } else if (url.searchParams.get("watch") === "true") {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    } else {
      answer(200, { kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] });
    }
  });
}

interface Review {
  readonly spec?: {
    readonly user?: string;
    readonly resourceAttributes?: {
      readonly group?: string;
      readonly resource?: string;
      readonly verb?: string;
    };
  };
}

function whose(token: string | undefined): object {
  const [user] = Object.entries(kubeTokens).find(([, secret]) => secret === token) ?? [];
  return user === undefined ? { authenticated: false } : { authenticated: true, user: { username: user } };
}

function mayDo({ user, resourceAttributes: asked }: NonNullable<Review["spec"]>): boolean {
  if (user === "admin") return true;
  const isSlices = asked?.group === "discovery.k8s.io" && asked.resource === "endpointslices";
  const verbs = user === "reader" ? ["list", "watch"] : user === "lister" ? ["list"] : [];
  return isSlices && verbs.includes(asked.verb ?? "");
}
