import { resolveAnswer } from "../../policies/answer.ts";
import type { FallbackAnswer } from "../../policies/fallback/fallback-policy.ts";
import type { Answer } from "./answer.ts";

/**
 * What a fallback function answered, as an answer.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when it is none
 */
export function answerOf({ body, ...rest }: FallbackAnswer): Answer {
  if (!(body instanceof Uint8Array)) {
    const {
      status,
      headers,
      body: text,
    } = resolveAnswer(body === undefined ? rest : { ...rest, body }, "run()", 200);
    return { status, statusText: "", headers, chunks: [Buffer.from(text)] };
  }
  const { headers, status } = resolveAnswer(rest, "run()", 200);
  const length = String(body.length);
  return {
    status,
    statusText: "",
    headers: { ...headers, "content-length": length },
    chunks: [Buffer.from(body)],
  };
}
