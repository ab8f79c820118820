/** What a scrape brought: the value of each line, by its name and its labels in alphabetical order. */
export type Scraped = ReadonlyMap<string, number>;

/** Reads Prometheus' text format; a series that is there twice is an error. */
export function readScrape(text: string): Scraped {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [series = "", value] = line.split(" # ")[0]!.split(/ (?=[^ ]+$)/);
    const [name, labels] = partsOf(series);
    const sorted = (labels.match(/[^,="]+="[^"]*"/g) ?? []).toSorted().join(",");
    const key = sorted === "" ? name : `${name}{${sorted}}`;
    if (found.has(key)) throw new Error(`${key} is there twice`);
    found.set(key, Number(value));
  }
  return found;
}

/** The name and the labels: a path in one of these may have braces too. */
function partsOf(series: string): readonly [name: string, labels: string] {
  const brace = series.indexOf("{");
  return brace === -1 ? [series, ""] : [series.slice(0, brace), series.slice(brace + 1, -1)];
}

/** The sum of the series of a metric that have all these labels. */
export function sumOf(scraped: Scraped, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [key, value] of scraped) {
    const [own, rest] = partsOf(key);
    const has = rest.split(",");
    if (own === name && wanted.every((one) => has.includes(one))) sum += value;
  }
  return sum;
}

/** The series of one metric, each by its labels in alphabetical order: all there are, and with all the labels they have. */
export function seriesOf(scraped: Scraped, name: string): Readonly<Record<string, number>> {
  const own = [...scraped].filter(([key]) => partsOf(key)[0] === name);
  return Object.fromEntries(own.map(([key, value]) => [partsOf(key)[1], value]));
}
