import type { Duration, LocalityMessage, Nothing, Struct, Wrapped } from "./basic-messages.ts";

interface SocketAddress {
  readonly protocol: number;
  readonly address: string;
  readonly portValue: number;
}

export interface Address {
  readonly socketAddress?: SocketAddress | Nothing;
}

export interface LbEndpoint {
  readonly endpoint?:
    | {
        readonly address?: Address | Nothing;
        readonly hostname: string;
      }
    | Nothing;
  readonly healthStatus: number;
  readonly metadata?: { readonly filterMetadata: Readonly<Record<string, Struct>> } | Nothing;
  readonly loadBalancingWeight?: Wrapped<number> | Nothing;
}

/** Without its entries. */
export interface LocalityLbEndpoints {
  readonly locality?: LocalityMessage | Nothing;
  readonly loadBalancingWeight?: Wrapped<number> | Nothing;
  readonly priority: number;
}

export interface ClusterLoadAssignment {
  readonly clusterName: string;
  /** The bytes of a {@link LocalityLbEndpoints} each, with its entries. */
  readonly endpoints: readonly Uint8Array[];
  readonly policy?:
    | {
        readonly dropOverloads: readonly {
          readonly category: string;
          readonly dropPercentage?: { readonly numerator: number; readonly denominator: number } | Nothing;
        }[];
        readonly overprovisioningFactor?: Wrapped<number> | Nothing;
        readonly endpointStaleAfter?: Duration | Nothing;
      }
    | Nothing;
}
