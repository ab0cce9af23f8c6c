import { Injectable, Logger } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';

type Collector = () => Promise<void>;

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
      return [name, new Gauge({ name: `serviceradar_edge_${name}`, help, labelNames: labels, registers })] as const;
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

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) {
      await collect().catch((error: unknown) => this.logger.warn({ err: error }, 'some metrics are missing'));
    }
    return this.registry.metrics();
  }
}
