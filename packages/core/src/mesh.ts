import { systemClock } from "./clock.ts";
import type { CallEngine } from "./engine/request.ts";
import { checkMeshOptions } from "./mesh-options.ts";
import type { MeshOptions } from "./mesh-options.ts";
import type { Mesh } from "./mesh-types.ts";
import { ServiceMesh } from "./service-mesh.ts";
import { openPools } from "./transport/pools.ts";
import type { OpenTransport } from "./transport/transport.ts";

export type { Mesh, MeshView, ReadOptions, ServiceClientOptions } from "./mesh-types.ts";

/**
 * Creates a mesh.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the option, what is legal and what came
 */
export function createMesh(options: MeshOptions): Mesh {
  return openMesh(options, openPools).mesh;
}

/**
 * A mesh over a transport of the caller's choice, with the engine that its doors call.
 * @param mayStall whether the clock is that of a process whose event loop may stand still
 */
export function openMesh(
  options: MeshOptions,
  openTransport: OpenTransport,
  mayStall: boolean = (options.clock ?? systemClock) === systemClock,
): { readonly mesh: Mesh; readonly engine: CallEngine } {
  checkMeshOptions(options);
  const mesh = new ServiceMesh(options, openTransport, mayStall);
  return { mesh, engine: mesh.engine };
}
