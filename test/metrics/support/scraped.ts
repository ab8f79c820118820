/** What a scrape brought: the value of each line, by its name and its labels in alphabetical order. */
export type Scraped = ReadonlyMap<string, number>;

/** Reads Prometheus' text format; a series that is there twice is an error. */
export function readScrape(text: string): Scraped {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [series = "", value] = line.split(" # ")[0]!.split(/ (?=[^ ]+$)/);
    const [name = "", labels = ""] = series.split(/[{}]/);
    const sorted = (labels.match(/[^,="]+="[^"]*"/g) ?? []).toSorted().join(",");
    const key = sorted === "" ? name : `${name}{${sorted}}`;
    if (found.has(key)) throw new Error(`${key} is there twice`);
    found.set(key, Number(value));
  }
  return found;
}

/** The sum of the series of a metric that have all these labels. */
export function sumOf(scraped: Scraped, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [key, value] of scraped) {
    const [own = "", rest = ""] = key.split(/[{}]/);
    const has = rest.split(",");
    if (own === name && wanted.every((one) => has.includes(one))) sum += value;
  }
  return sum;
}
