import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CLOCK } from '../platform/clock.js';
import { Metrics } from '../platform/metrics/index.js';
import { labelOfReason } from './disconnect-reason.js';
import { Leadership } from './leadership.js';

interface Recorded {
  type: 'connected' | 'disconnected';
  purpose: 'leaf' | 'leaf_control';
  at: Date;
  reason: string | null;
}

const DELAYS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the monitor tells Prometheus: only the one that leads counts events. */
@Injectable()
export class MonitorMetrics {
  private readonly connects;
  private readonly disconnects;
  private readonly delays;

  constructor(
    private readonly metrics: Metrics,
    private readonly leadership: Leadership,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.connects = metrics.counter('leaf_connects_total', 'Connections of leaves that have begun; of each leaf, one for messages and its control link.', ['link']);
    this.disconnects = metrics.counter('leaf_disconnects_total', 'Connections of leaves that have ended, by what the hub says of it.', ['link', 'reason']);
    const help = 'From when the hub saw a leaf come or go until it was on record, by the clocks of both.';
    this.delays = metrics.histogram('monitor_event_delay_seconds', help, [], DELAYS);
  }

  /** @param waiting answers how many events are not yet on record */
  watch(waiting: () => number): void {
    const gauges = { monitor_leader: 'Whether this process leads the monitoring of the hub.', monitor_events_waiting: 'Events of leaves that wait to be recorded.' };
    this.metrics.gauges(gauges, [], ({ monitor_leader, monitor_events_waiting }) => {
      monitor_leader.set(this.leadership.held ? 1 : 0);
      monitor_events_waiting.set(waiting());
      return Promise.resolve();
    });
  }

  recorded(events: readonly Recorded[]): void {
    const now = this.clock.now().getTime();
    for (const { type, purpose, at, reason } of events) {
      const link = purpose === 'leaf' ? 'messages' : 'control';
      if (type === 'connected') this.connects.inc({ link });
      else this.disconnects.inc({ link, reason: labelOfReason(reason) });
      this.delays.observe(Math.max(0, now - at.getTime()) / 1000);
    }
  }
}
