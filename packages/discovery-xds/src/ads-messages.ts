import type { Any, Duration, LocalityMessage, Nothing, Struct } from "./basic-messages.ts";

interface Status {
  readonly code: number;
  readonly message: string;
}

export interface Node {
  readonly id: string;
  readonly cluster?: string | undefined;
  readonly metadata?: Struct | undefined;
  readonly locality?: LocalityMessage | undefined;
  readonly userAgentName: string;
  readonly userAgentVersion: string;
  readonly clientFeatures: readonly string[];
}

export interface DiscoveryRequest {
  readonly versionInfo?: string | undefined;
  readonly node?: Node | undefined;
  readonly resourceNames?: readonly string[];
  readonly typeUrl: string;
  readonly responseNonce?: string | undefined;
  readonly errorDetail?: Status | undefined;
}

export interface DiscoveryResponse {
  readonly versionInfo: string;
  readonly resources: readonly Any[];
  readonly typeUrl: string;
  readonly nonce: string;
}

export interface DeltaDiscoveryRequest {
  readonly node?: Node | undefined;
  readonly typeUrl: string;
  readonly subscribe?: readonly string[] | undefined;
  readonly unsubscribe?: readonly string[] | undefined;
  readonly initialResourceVersions?: Readonly<Record<string, string>> | undefined;
  readonly responseNonce?: string | undefined;
  readonly errorDetail?: Status | undefined;
}

export interface DeltaDiscoveryResponse {
  readonly systemVersionInfo: string;
  readonly resources: readonly Resource[];
  readonly typeUrl: string;
  readonly nonce: string;
  readonly removedResources: readonly string[];
}

export interface Resource {
  readonly name: string;
  readonly version: string;
  readonly resource?: Any | Nothing;
  readonly ttl?: Duration | Nothing;
}
