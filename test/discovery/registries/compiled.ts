import { startKubeApiserver, startKubeCrdServer } from "../../../scripts/servers/index.ts";
import type { RegistryEntry } from "../under-test.ts";
import { startGoControlPlane } from "./go-control-plane.ts";
import { server } from "./index.ts";
import { startKubernetesCompiled } from "./kubernetes-compiled.ts";

/** Those that are compiled before they are met, which takes too long for every day. */
export const compiled: Readonly<Record<string, RegistryEntry>> = {
  "kube-apiserver": { start: () => startKubernetesCompiled(startKubeApiserver), abilities: server },
  "kube-crd-server": { start: () => startKubernetesCompiled(startKubeCrdServer), abilities: server },
  "go-control-plane-sotw": { start: () => startGoControlPlane("sotw"), abilities: server },
  "go-control-plane-delta": { start: () => startGoControlPlane("delta"), abilities: server },
};
