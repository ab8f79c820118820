/**
 * `@proxyless/core/discovery`: what sources and registrars are written with. An adapter asks its registry and labels what
 * it hears; everything here is what every adapter needs for that.
 */
export { Backoff } from "./backoff.ts";
export { inTurns } from "./in-turns.ts";
export { KeyedStore } from "./keyed-store.ts";
export { LastSnapshot } from "./last-snapshot.ts";
export { longPollSource } from "./long-poll-source.ts";
export type { LongPollAnswer, LongPollQuestion, LongPollSourceParts } from "./long-poll-source.ts";
export { Pace } from "./pace.ts";
export { Pacer } from "./pacer.ts";
export { parsePieces } from "./json-pieces.ts";
export { pollingSource } from "./polling-source.ts";
export type { PollAnswer, PollingSourceParts, PollQuestion } from "./polling-source.ts";
export { RegistryHttp } from "./registry-http.ts";
export type {
  ListReader,
  RegistryHttpOptions,
  RegistryRequest,
  RegistryResponse,
  StreamReader,
} from "./registry-http.ts";
export { resolveTls, tlsConnectOptions } from "./registry-tls.ts";
export type { RegistryTls } from "./registry-tls.ts";
export { resolveUrls } from "./registry-urls.ts";
export type { RegistryUrls } from "./registry-urls.ts";
export { SourceError, statusError, toDiscoveryError, toSourceError } from "./source-error.ts";
export type { SourceErrorDetails } from "./source-error.ts";
export { isToken, resolveToken, TokenHolder, tokenOwner } from "./token-holder.ts";
export type { TokenOptions } from "./token-holder.ts";
export { watchLoop } from "./watch-loop.ts";
export type { WatchLoopOptions, WatchRound } from "./watch-loop.ts";
export { aborted, unlessAborted } from "../aborted.ts";
export { isRecord } from "../is-record.ts";
export { knownKeys, oneOf, optionalText, record, text, wholeNumber } from "./option-checks.ts";

export { filter, map, mapSnapshots } from "../discovery/combine/map.ts";
export type { TransformOptions } from "../discovery/combine/map.ts";
export { merge } from "../discovery/combine/merge.ts";
export type { MergeOptions } from "../discovery/combine/merge-options.ts";
export { withCache } from "../discovery/combine/with-cache.ts";
export type { CacheOptions } from "../discovery/combine/cache-options.ts";
export { hostPort, isForeignUrl, readHost, readPort } from "../discovery/host.ts";
export { namesSecret } from "../discovery/secret-name.ts";
export { workAtOnce, workOneTurn } from "../discovery/slices.ts";
export type { Sliceable } from "../discovery/slices.ts";
export type { SourceDeclarations } from "../discovery/combine/declarations.ts";

export { createRegistrar } from "../registration/registrar.ts";
export type {
  DeregisterOptions,
  DeregisterStep,
  InstanceUpdate,
  Registrar,
  RegistrarParts,
  RegistrationHandle,
} from "../registration/registrar.ts";
export type { RegistrationDriver, WantedEntry } from "../registration/driver.ts";
export { instanceKeys, resolveInstance } from "../registration/instance.ts";
export type {
  RegistrationState,
  RegistrationStatus,
  ResolvedInstance,
  ServiceInstance,
} from "../registration/instance.ts";
