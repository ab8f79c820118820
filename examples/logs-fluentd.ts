// The events and the access log of a mesh, to Fluentd or Fluent Bit: node examples/logs-fluentd.ts [host:port]
import { accessLog, jsonFormat, logEvents } from "@proxyless/logs";

import { ForwardClient, forwardLogger } from "./logs/forward-client.ts";
import { ordersInTrouble } from "./logs/orders.ts";

const [host = "", port = ""] = (process.argv[2] ?? "127.0.0.1:24224").split(":");
const fluentd = new ForwardClient({ host, port: Number(port) });

const { mesh, call, close } = await ordersInTrouble();
const events = logEvents(mesh, forwardLogger(fluentd, "proxyless.events"));
const access = accessLog(
  mesh,
  (lines) => {
    for (const line of lines.trim().split("\n")) fluentd.post("proxyless.access", JSON.parse(line));
  },
  { format: jsonFormat, filter: { errors: true, share: 0.1 } },
);

await call(200);
await close();
events.stop();
await access.stop();
await fluentd.close();
console.log(`${fluentd.acknowledged} records acknowledged, ${fluentd.dropped} dropped`);
