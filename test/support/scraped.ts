/** What a process tells Prometheus, read each time anew. */
export class Scraped {
  constructor(private readonly port: number) {}

  async text(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
  }

  /** @returns undefined when there is no such sample; names without `serviceradar_edge_` */
  async value(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    for (const line of (await this.text()).split('\n')) {
      const [, its, inBraces = '', value] = /^serviceradar_edge_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (its === name && wanted.every((one) => inBraces.split(',').includes(one)) && wanted.length === (inBraces === '' ? 0 : inBraces.split(',').length)) return Number(value);
    }
    return undefined;
  }
}
