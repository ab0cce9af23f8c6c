import { performance } from 'node:perf_hooks';
import { until } from '../lab/until.js';

const PATIENCE = { timeout: 600_000, interval: 500 };

/** What the monitor has told by then. */
interface Told {
  events: number;
  /** Seconds of CPU. */
  cpu: number;
  /** How many events took at most so many seconds, in the order of these. */
  delays: [seconds: number, events: number][];
  text: string;
}

/** A piece of work, as the monitor saw it. */
export interface Figures {
  perSecond: number;
  /** Cores that the monitor's process took. */
  cpu: number;
  /** Seconds that this share of the events took at most, as Prometheus concludes it from buckets. */
  delay(share: number): number;
}

/** Reads from the metrics of a process with the role monitor how it is doing. */
export class MonitorFigures {
  constructor(private readonly port: number) {}

  /** Whether it leads, and is connected to the hub. */
  async ready(): Promise<boolean> {
    const { text } = await this.told();
    return text.includes('serviceradar_edge_monitor_leader 1') && text.includes('serviceradar_edge_hub_connected 1');
  }

  /** @param send answers how many events it has sent; they are waited for */
  async of(send: () => Promise<number>): Promise<Figures> {
    const before = await this.told();
    const begin = performance.now();
    const sent = await send();
    const after = await until('all is on record', async () => {
      const told = await this.told();
      return told.events >= before.events + sent ? told : undefined;
    }, PATIENCE);
    const seconds = (performance.now() - begin) / 1000;
    const delays = after.delays.map(([limit, events], at): [number, number] => [limit, events - before.delays[at]![1]]);
    return { perSecond: sent / seconds, cpu: (after.cpu - before.cpu) / seconds, delay: (share) => quantile(delays, share) };
  }

  private async told(): Promise<Told> {
    const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
    const delays = [...text.matchAll(/^serviceradar_edge_monitor_event_delay_seconds_bucket\{le="(\S+)"\} (\d+)$/gm)];
    return {
      events: Number(/^serviceradar_edge_monitor_event_delay_seconds_count (\d+)$/m.exec(text)?.[1] ?? 0),
      cpu: Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)![1]),
      delays: delays.map(([, limit, events]) => [Number(limit!.replace('+Inf', 'Infinity')), Number(events)]),
      text,
    };
  }
}

function quantile(delays: readonly [number, number][], share: number): number {
  const wanted = delays.at(-1)![1] * share;
  const at = delays.findIndex(([, events]) => events >= wanted);
  const [limit, events] = delays[at]!;
  const [below, fewer] = delays[at - 1] ?? [0, 0];
  return limit === Infinity || events === fewer ? limit : below + ((limit - below) * (wanted - fewer)) / (events - fewer);
}
