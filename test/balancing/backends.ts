// The servers of a scenario, over real sockets: a process of their own, so that they and their callers do not wait for each other.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { seededRandom } from "@proxyless/core/testing";
import type { ServerModel, ServerPhase } from "@proxyless/core/testing";

import { scenarioOf } from "./scenarios.ts";
import type { Fault } from "./scenarios.ts";

let beganAt = Infinity;

function phaseOf(model: ServerModel): ServerPhase | undefined {
  const at = performance.now() - beganAt;
  return model.phases?.find(({ fromMs, toMs }) => at >= fromMs && at < toMs);
}

/** Does to a request what the model of a server says. */
function serve(
  model: ServerModel,
  random: () => number,
): (_: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const {
      failAfterMs = 1,
      failRatio = 0,
      failStatus = 500,
      hangRatio = 0,
      latencyFactor = 1,
      resetRatio = 0,
    } = phaseOf(model) ?? {};
    const ms = model.serviceTime(random) * Number(latencyFactor);
    const fate = random();
    if (fate < hangRatio) return;
    if (fate < hangRatio + resetRatio) {
      setTimeout(() => request.socket.resetAndDestroy(), failAfterMs);
    } else if (fate < hangRatio + resetRatio + failRatio) {
      setTimeout(() => response.writeHead(failStatus).end(), failAfterMs);
    } else {
      setTimeout(() => response.writeHead(200, { "content-type": "application/json" }).end("{}"), ms);
    }
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** From some time on nothing listens on the port any more. */
function refuseLater(server: Server, { phases = [] }: ServerModel): void {
  for (const { fromMs, refuse } of phases) {
    if (refuse !== true) continue;
    setTimeout(() => {
      server.close();
      server.closeAllConnections();
    }, fromMs);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever starts this process names a fault
const { servers } = scenarioOf(process.argv[2] as Fault);
const listening = servers.map((model, index) => ({
  model,
  server: createServer(serve(model, seededRandom(index + 1))),
}));
const ports = await Promise.all(listening.map(({ server }) => listen(server)));
process.send?.({ ports });
process.on("message", () => {
  beganAt = performance.now();
  for (const { model, server } of listening) refuseLater(server, model);
  process.send?.({ began: true });
});
process.on("disconnect", () => process.exit());
