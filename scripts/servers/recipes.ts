import { chromiumRecipe } from "./chromium-recipe.ts";
import { consulRecipe } from "./consul-recipe.ts";
import { etcdRecipes } from "./etcd-recipe.ts";
import { kubeApiserverRecipe, kubeCrdServerRecipe } from "./kubernetes-recipe.ts";
import { otelCollectorRecipe } from "./otel-collector-recipe.ts";
import { powerDnsRecipe } from "./powerdns-recipe.ts";
import { alertmanagerRecipe, prometheusRecipe } from "./prometheus-recipe.ts";
import { installRecipe } from "./recipe.ts";
import type { Recipe } from "./recipe.ts";
import { xdsRecipe } from "./xds-recipe.ts";
import { javaRecipe } from "./zookeeper-java.ts";
import { zookeeperRecipe } from "./zookeeper-recipe.ts";

/** Every server the tool can install, and the browser. */
export const recipes: readonly Recipe[] = [
  javaRecipe,
  zookeeperRecipe,
  powerDnsRecipe,
  consulRecipe,
  chromiumRecipe,
  kubeApiserverRecipe,
  kubeCrdServerRecipe,
  ...Object.values(etcdRecipes),
  xdsRecipe,
  otelCollectorRecipe,
  prometheusRecipe,
  alertmanagerRecipe,
];

/** Finds a recipe by its name; throws when there is none. */
export function recipeOf(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found === undefined) {
    throw new Error(
      `no server is called "${name}"; there are: ${recipes.map((recipe) => recipe.name).join(", ")}`,
    );
  }
  return found;
}

/** The path of a server's binary, installed when this machine has none. */
export function installServer(name: string): Promise<string> {
  return installRecipe(recipeOf(name));
}
