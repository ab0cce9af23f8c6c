import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Collector = () => Promise<void>;

/** What stands before every name. */
const PREFIX = 'serviceradar_edge_';

/** What this process tells Prometheus. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  readonly #collectors: Collector[] = [];
  private readonly logger = new Logger(Metrics.name);

  /**
   * Gauges that are filled together, each time that somebody asks.
   *
   * @param named what each is called after `serviceradar_edge_`, and what it says
   * @param fill sets their values; they are empty before, and again when it fails
   */
  gauges<Name extends string, Label extends string>(
    named: Record<Name, string>,
    labels: Label[],
    fill: (gauges: Record<Name, Gauge<Label>>) => Promise<void>,
  ): void {
    const registers = [this.registry];
    const made = Object.entries<string>(named).map(([name, help]) => {
      return [name, new Gauge({ name: PREFIX + name, help, labelNames: labels, registers })] as const;
    });
    const gauges = Object.fromEntries(made) as Record<Name, Gauge<Label>>;
    const empty = () => made.forEach(([, gauge]) => gauge.reset());
    this.#collectors.push(async () => {
      empty();
      await fill(gauges).catch((error: unknown) => {
        empty();
        throw error;
      });
    });
  }

  /** Counts what this process does, from 0 at its start. @param name after `serviceradar_edge_`; ends in `_total` */
  counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  /**
   * How long what this process does takes.
   * @param name after `serviceradar_edge_`; ends in `_seconds`
   * @param buckets their upper ends, in seconds
   */
  histogram<Label extends string>(name: string, help: string, labelNames: Label[], buckets: number[]): Histogram<Label> {
    return new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers: [this.registry] });
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) {
      await collect().catch((error: unknown) => this.logger.warn({ err: error }, 'some metrics are missing'));
    }
    return this.registry.metrics();
  }
}
