import { BroadcastChannel } from "node:worker_threads";

/** Where the primary's thread asks, and every other one listens. */
export const askChannel = "@proxyless/cluster/ask";
/** Where the others answer. */
const tellChannel = "@proxyless/cluster/tell";

/** Listens, and keeps no thread alive by that. */
export function openChannel(name: string, onMessage: (message: unknown) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name);
  channel.addEventListener("message", (event) => {
    onMessage("data" in event ? event.data : undefined);
  });
  channel.unref();
  return channel;
}

/** Listens for answers. */
export function openTellChannel(onMessage: (message: unknown) => void): BroadcastChannel {
  return openChannel(tellChannel, onMessage);
}

/** Says something to all others who have the channel open. */
export function post(channel: BroadcastChannel, message: object): void {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
  channel.postMessage(message);
}

/** Says something to the primary's thread. Who had this channel open would be handed what all the others say. */
export function tell(message: object): void {
  const channel = new BroadcastChannel(tellChannel);
  post(channel, message);
  channel.close();
}
