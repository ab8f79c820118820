import { fakeEndpoint, fakeSource } from "@proxyless/core/testing";
import { accessLog, envoyFormat, jsonFormat, logEvents } from "@proxyless/logs";
import type { EventLogOptions, FieldsFirstLogger } from "@proxyless/logs";
import { expect, it } from "vitest";

import { meshOver, serving } from "./support/orders.ts";

const secret = "s3cr3t-0f-th3-h0us3";
const requestHeaders = {
  authorization: `Bearer ${secret}`,
  "proxy-authorization": `Basic ${secret}`,
  cookie: `session=${secret}`,
  "x-api-key": secret,
  "x-auth-token": secret,
};
/** Every kind of value that a header, a query, an error or a registry brings. */
const troubles = [
  `GET http://admin:${secret}@registry:8500/v1/health?token=${secret}: 403`,
  `permission denied, X-Consul-Token: ${secret}`,
  `{"authorization":"Bearer ${secret}","cookie":"a=${secret}"}`,
  `bearer ${secret} has expired; password=${secret}`,
];

const all: EventLogOptions = {
  repeats: false,
  levels: {
    "call.completed": "trace",
    "attempt.completed": "trace",
    "call.cached": "trace",
    "call.coalesced": "trace",
  },
};

it("no secret comes out of any log, wherever it went in", async () => {
  const [host = "", port = ""] = (
    await serving((request, response) => {
      const status = request.url?.startsWith("/broken") === true ? 503 : 200;
      response.writeHead(status, { "set-cookie": `session=${secret}`, "x-token": secret }).end(secret);
    })
  ).split(":");
  const source = fakeSource();
  source.put("orders", [{ ...fakeEndpoint("one"), host, port: Number(port), metadata: { token: secret } }]);
  const mesh = meshOver(source, {
    services: {
      orders: {
        retry: { maxAttempts: 2, baseDelayMs: 1, exclude: "none" },
        fallback: {
          run: () => {
            throw new Error(`cannot ask http://admin:${secret}@spare?token=${secret}: token=${secret}`);
          },
        },
      },
    },
  });
  const out: string[] = [];
  const say = (fields: object, message: string): void => {
    out.push(`${message} ${JSON.stringify(fields)}`);
  };
  const logger: FieldsFirstLogger = { trace: say, debug: say, info: say, warn: say, error: say };
  using _ = logEvents(mesh, logger, all);
  const logs = [envoyFormat, jsonFormat, "%REQ(X-API-KEY)% %RESP(X-TOKEN)% %PATH(WQ)%"].map((format) =>
    accessLog(mesh, (line) => out.push(line), { format }),
  );

  const paths = [`/orders?token=${secret}`, `/broken?access_token=${secret}`];
  for (const path of paths) {
    const init = { method: "POST", headers: requestHeaders, body: JSON.stringify({ password: secret }) };
    await mesh.fetch(`http://orders${path}`, init);
    await mesh.fetch(`http://orders${path}`, { headers: requestHeaders });
  }
  for (const [i, message] of troubles.entries()) {
    const name = `registry-${i}`;
    mesh.service(name);
    source.fail(name, { class: "auth", message });
  }
  await Promise.all(logs.map((log) => log.stop()));

  const everything = out.join("\n");
  for (const type of [
    "call.completed",
    "attempt.completed",
    "call.retried",
    "call.fallback_failed",
    "discovery.error",
  ]) {
    expect(everything).toContain(`proxyless.${type}`);
  }
  expect(everything).toContain("/broken");
  expect(out.filter((line) => line.includes("proxyless.discovery.error"))).toHaveLength(troubles.length);
  expect(out.filter((line) => line.includes(secret))).toEqual([]);
});
